// Shared by all widgets: elements, times, durations, status badges. Data is written as text nodes
// and attributes, never as markup.

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Returns a link to another page of the app. A plain click opens it without loading the app again;
// the browser handles clicks with a modifier key.
function pageLink(attributes, ...children) {
  const link = element("a", { ...attributes, onclick: (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(link.href);
  } }, ...children);
  return link;
}

// Adds the address to the browser's history, and makes Streamlit show its page, as Back does.
// `st.switch_page` would add two addresses: first this page with the new query, then the new page.
function navigate(href) {
  history.pushState({}, "", href);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

// Copies a text to the clipboard; returns whether that succeeded.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelecting(text);
  }
}

// Browsers have no `navigator.clipboard` over plain http, except on localhost.
function copyBySelecting(text) {
  const area = element("textarea", { readonly: true, "aria-hidden": "true" });
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}

const COPIED_TIME = 1200; // milliseconds for which the button shows that it has copied

// Returns a button that copies a text; by default, an id.
function copyButton(text, words = "Copy the id", path = "M5.6 5.6h7v7h-7z M3.4 10.4v-7h7") {
  const button = element("button", { class: "copy", title: words, "aria-label": words, onclick: async () => {
    const copied = await copy(text);
    button.focus({ preventScroll: true });
    if (!copied) return;
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), COPIED_TIME);
  } }, icon(path));
  return button;
}

function duration(ms) {
  if (ms < 0) ms = 0;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(Math.floor(ms / 10) / 100).toFixed(2)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

// Returns a growing duration in whole seconds, because tenths would flicker.
function growing(ms) {
  return ms < MINUTE ? `${Math.max(0, Math.floor(ms / SECOND))} s` : duration(ms);
}

function age(ms) {
  if (ms < 5 * SECOND) return "just now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

function pauser({ pausedBy }) {
  return pausedBy === null ? "" : ` by ${pausedBy}`;
}

// Returns the id of an instance as a link to its page; one of another application has no page here.
function instanceLink({ id, href, app }, attributes = {}) {
  if (href) return pageLink({ ...attributes, href, title: id }, id);
  return element("span", { ...attributes, title: id }, id, app ? element("span", { class: "muted" }, ` in application ${app}`) : null);
}

function ahead(ms) {
  return ms <= 0 ? "due now" : `in ${growing(ms)}`;
}

// Returns when a wait ends. An event may come earlier: then the workflow gives up at that time.
function untilWords(data, now) {
  if (data.until === null) return data.givesUp ? ", no deadline" : "";
  const left = data.until - now;
  if (!data.givesUp) return ` · ${ahead(left)}`;
  return left <= 0 ? ", gives up now" : `, gives up ${ahead(left)}`;
}

// Times read the same in every language, and in Streamlit's tables: 2026-11-30 21:59:16. Swedish writes them so.
const FIELDS = {
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
};
const CLOCK = new Intl.DateTimeFormat("sv", FIELDS);
const MILLISECONDS = new Intl.DateTimeFormat("sv", { ...FIELDS, fractionalSecondDigits: 3, timeZoneName: "short" });
const ZONED = { format: (ms) => MILLISECONDS.format(ms).replace(",", ".") };

// Returns a function that reads the server's clock, so that durations are measured by one clock.
function clockOf(serverNow) {
  const difference = serverNow - Date.now();
  return () => Date.now() + difference;
}

const STATUSES = {
  PENDING: ["Pending", "violet", "M8 4.5v3.8l2.4 1.5 M8 2.2a5.8 5.8 0 1 1 0 11.6a5.8 5.8 0 1 1 0-11.6"],
  RUNNING: ["Running", "blue", "M5.2 3.4l7 4.6l-7 4.6z"],
  SUSPENDED: ["Suspended", "orange", "M5.6 3.6v8.8 M10.4 3.6v8.8"],
  COMPLETED: ["Completed", "green", "M3.4 8.4l3 3l6.2-6.6"],
  FAILED: ["Failed", "red", "M4.2 4.2l7.6 7.6 M11.8 4.2l-7.6 7.6"],
  TERMINATED: ["Terminated", "gray", "M4.4 4.4h7.2v7.2h-7.2z"],
  CANCELED: ["Canceled", "gray", "M4.4 4.4h7.2v7.2h-7.2z"],
  STALLED: ["Stalled", "red", "M8 3.4v5.4 M8 11.8v.6"],
  CONTINUED_AS_NEW: ["Continued", "gray", "M4 8h8 M9 5l3 3l-3 3"],
  UNKNOWN: ["Unknown", "gray", "M6 6a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1.1 M8 11.8v.6"],
};

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function badge(status) {
  const [word, colour, path] = STATUSES[status] ?? STATUSES.UNKNOWN;
  return element("span", { class: `badge ${colour}`, "data-status": status }, icon(path), word);
}

// The colours of the badges of outcomes. `left` is an instance of a bulk job without an outcome.
const OUTCOMES = { done: "green", unchanged: "gray", refused: "orange", unknown: "red", left: "violet" };

const ACTIONS = {
  pause: ["Pause", STATUSES.SUSPENDED[2]],
  resume: ["Resume", STATUSES.RUNNING[2]],
  terminate: ["Terminate", STATUSES.TERMINATED[2]],
};

// The state of each component, by its parent element: Streamlit calls a component again for each
// change of its data.
const STATES = new WeakMap();

// Returns the state of a component. `create` makes it when it is first shown: with the component's
// element `root`, and with `stop` if something must end when the component is removed.
function stateOf({ parentElement }, create) {
  if (!STATES.has(parentElement)) {
    const state = create();
    parentElement.append(state.root);
    STATES.set(parentElement, state);
  }
  return STATES.get(parentElement);
}

// Shows a component by the function `showComponent` of its script. Streamlit calls this function for
// each change of the data. If data change while the script loads, it calls for the old data too, maybe
// last, and cleans up right after such a call. Therefore a call shows nothing before the next task.
export default function (component) {
  let isShown = false;
  const waiting = setTimeout(() => { isShown = true; showComponent(component); });
  return () => {
    clearTimeout(waiting);
    if (isShown || !component.parentElement.isConnected) remove(component.parentElement);
  };
}

function remove(parentElement) {
  const state = STATES.get(parentElement);
  state?.stop?.();
  state?.root.remove();
  STATES.delete(parentElement);
}

// Calls `tick` every second while the tab is visible; returns a function that stops the timer.
function everySecond(tick) {
  const timer = setInterval(() => document.hidden || tick(), SECOND);
  return () => clearInterval(timer);
}

// Gives an element a text that changes as time passes, if its widget calls `tickTexts` every second.
function timed(node, words) {
  node.dataset.timed = "";
  node.tick = () => { node.textContent = words(); };
  node.tick();
  return node;
}

function tickTexts(root) {
  for (const each of root.querySelectorAll("[data-timed]")) each.tick();
}

// The rows of an element by their data.
const ROWS = new WeakMap();

// Shows rows in an element: `make` makes each from its data. A row whose data have not changed stays,
// because a row that is made anew loses a click whose button is still pressed.
function setRows(parent, rows, make) {
  const before = ROWS.get(parent), after = new Map();
  keepFocus(parent, () => {
    for (const row of rows) {
      let data = JSON.stringify(row);
      while (after.has(data)) data += " "; // an equal row
      after.set(data, before?.get(data) ?? make(row));
    }
    setChildren(parent, [...after.values()]);
  });
  ROWS.set(parent, after);
}

// Makes elements the children of another one; moves none that is already in its place.
function setChildren(parent, children) {
  for (const each of [...parent.children]) if (!children.includes(each)) each.remove();
  children.forEach((each, index) => { if (parent.children[index] !== each) parent.insertBefore(each, parent.children[index] ?? null); });
}

// Keeps the keyboard focus on a control that `change` moves, or replaces by one of the same name in the
// row with the same `data-key`.
function keepFocus(root, change) {
  const focused = root.getRootNode().activeElement;
  if (!root.contains(focused)) return change();
  const name = focusName(focused), key = focused.closest("[data-key]")?.dataset.key;
  change();
  if (root.getRootNode().activeElement === focused) return;
  const place = key === undefined ? root : root.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const same = root.contains(focused) ? focused : [...place?.querySelectorAll(focused.tagName) ?? []].find((each) => focusName(each) === name);
  same?.focus({ preventScroll: true });
}

function focusName(control) {
  return control.dataset.focus ?? control.getAttribute("aria-label") ?? control.getAttribute("href") ?? control.textContent;
}

// Loads Plotly's script once per page load.
function plotly(path) {
  globalThis.flowdeckPlotly ??= new Promise((done, fail) => {
    const script = element("script", { src: new URL(path, document.baseURI).href });
    script.onload = () => done(globalThis.Plotly);
    script.onerror = () => {
      globalThis.flowdeckPlotly = null;
      fail(new Error("The chart's script could not be loaded. Reload the page."));
    };
    document.head.append(script);
  });
  return globalThis.flowdeckPlotly;
}
