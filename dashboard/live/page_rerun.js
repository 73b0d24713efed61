// Reruns the whole page, which a component inside a fragment cannot do. live_updates.js needs this
// after a restart of the server, because the new process knows no fragment.

// React Aria, the library of Streamlit's tabs, keeps an element from the start of a transition to its
// end, and with the element the whole page. It expects one cancellation at each element, and takes that
// of an inner element for it: a page that is left during a fade would stay in memory. Therefore
// cancellations do not reach outer elements.
const stop = (event) => event.stopPropagation();
document.addEventListener("transitionrun", ({ target }) => target.addEventListener("transitioncancel", stop));

// Streamlit's navigation keeps the address on the page that is shown: "Bulk jobs" would show the same job again.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("header a[href], [data-testid=stSidebarNav] a[href]");
  const isPlain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || link.pathname !== location.pathname || !location.search) return;
  event.preventDefault();
  event.stopPropagation();
  navigate(link.href);
}, true);

function showComponent({ setTriggerValue }) {
  globalThis.flowdeckRerunPage = () => setTriggerValue("run", Date.now());
}
