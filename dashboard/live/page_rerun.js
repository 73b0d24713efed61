// Reruns the whole page, which a component inside a fragment cannot do. live_updates.js needs this
// after a restart of the server, because the new process knows no fragment.

// React Aria, the library of Streamlit's tabs, keeps an element from the start of a transition to its
// end, and with the element the whole page. It expects one cancellation at each element, and takes that
// of an inner element for it: a page that is left during a fade would stay in memory. Therefore
// cancellations do not reach outer elements.
const stop = (event) => event.stopPropagation();
document.addEventListener("transitionrun", ({ target }) => target.addEventListener("transitioncancel", stop));

function showComponent({ setTriggerValue }) {
  globalThis.flowdeckRerunPage = () => setTriggerValue("run", Date.now());
}
