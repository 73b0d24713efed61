// The built-in views of the list. They also make a search a step in the history of the browser.

const SEARCH_PAUSE = 2000; // milliseconds without a key after which typing is a new search, also if the field keeps the focus

function view([name, href, isShown]) {
  return pageLink({ href, class: "view", "aria-current": isShown ? "page" : null }, name);
}

// Streamlit writes each text of the search field over the last address. The first key of a search
// therefore adds an address to the history, so that Back returns to the search before.
function keepSearches() {
  let last = 0;
  const listener = ({ target, type }) => {
    if (!target.closest?.(".st-key-q")) return;
    if (type === "input" && Date.now() - last > SEARCH_PAUSE) history.pushState(history.state, "", location.href);
    last = type === "input" ? Date.now() : 0;
  };
  for (const type of ["focusin", "input"]) document.addEventListener(type, listener, true);
  return () => { for (const type of ["focusin", "input"]) document.removeEventListener(type, listener, true); };
}

function showComponent(component) {
  const { root } = stateOf(component, () => ({ root: element("nav", { class: "widget views", "aria-label": "Views" }), stop: keepSearches() }));
  setRows(root, [null, ...component.data.views], (each) => each ? view(each) : element("h1", { class: "unseen" }, "Instances"));
}
