// Reruns the whole page, which a component inside a fragment cannot do. live_updates.js needs this
// after a restart of the server, because the new process knows no fragment.

function showComponent({ setTriggerValue }) {
  globalThis.flowdeckRerunPage = () => setTriggerValue("run", Date.now());
}
