// Lets the bell, which lives in a fragment, have the whole page run again. It is on each page; one
// that has lost even this, whatever took it away, is loaded anew.

const GONE = 4, ONCE = 60000; // seconds without it; milliseconds between two loads at least
const LOADED = "flowdeck-loaded"; // when that was done last, in the session's storage

function guard() {
  let missing = 0;
  return everySecond(() => {
    missing = globalThis.flowdeckRevival?.place.isConnected ? 0 : missing + 1;
    const due = Date.now() - Number(sessionStorage.getItem(LOADED)) > ONCE;
    if (missing < GONE || !due || !isConnected()) return;
    sessionStorage.setItem(LOADED, Date.now());
    location.reload();
  });
}

function isConnected() {
  return document.querySelector("[data-test-connection-state=CONNECTED][data-test-script-state=notRunning]") !== null;
}

export default function (component) {
  const { parentElement, setTriggerValue } = component;
  globalThis.flowdeckRevival = { place: parentElement, revive: () => setTriggerValue("revived", Date.now()) };
  globalThis.flowdeckGuard ??= guard();
}
