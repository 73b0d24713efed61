// Lets the bell, which lives in a fragment, have the whole page run again.

export default function (component) {
  const revive = () => component.setTriggerValue("revived", Date.now());
  globalThis.flowdeckRevive = revive;
  return () => { if (globalThis.flowdeckRevive === revive) delete globalThis.flowdeckRevive; };
}
