// Hears from the server when there is something new, and has the page ask for it. Says whether the
// page is live. Silent while the tab is hidden.

const AGAIN = 1000, NOT_OFTENER = 1000, BUSY = 100; // milliseconds
const SETTLED = 150; // milliseconds without a run, after which no other follows by itself
const ANSWERED = 1000, UNANSWERED = 2500; // milliseconds after a click: a run since may be of what came before it
const UNHURRIED = 6000; // milliseconds after a click on a page that has little to hear, and leads elsewhere
const STATE = "data-test-script-state";

function begin(parent) {
  const dot = element("span", { class: "dot" });
  const word = element("span", {});
  const line = element("div", { class: "bell muted", role: "status" }, dot, word);
  parent.append(line);
  return { line, word, socket: null, retry: null, rangAt: 0, later: null, madeAt: Date.now() };
}

function say(state, live) {
  state.line.classList.toggle("live", live);
  state.word.textContent = live ? "Live" : "Reconnecting…";
}

function connect(state) {
  clearTimeout(state.retry);
  if (document.hidden || state.socket || state.ended) return;
  const url = new URL(state.data.path, document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  state.socket = socket;
  socket.onopen = () => { say(state, true); state.heard = null; socket.send(state.data.version); };
  socket.onmessage = ({ data: version }) => { state.heard = version; ring(state); };
  socket.onclose = () => {
    state.socket = null;
    if (document.hidden || state.ended) return;
    say(state, false);
    state.retry = setTimeout(() => connect(state), AGAIN);
  };
}

// Which process of the dashboard a version is from: a new one has to be told of the whole page.
function process(version) {
  return version.split("/")[0];
}

// Until the server has answered, Streamlit speaks for the page that it showed last: what the bell asked
// for between a click and that answer would be asked of the page that one leaves, and take the place of
// the next one. So the bell waits until the answer to whatever was clicked is there and has settled.
// A bell that came with the answer, on the next page, has nothing to wait for.
function pace() {
  return globalThis.flowdeckPace ??= watchPace({ askedAt: -Infinity, ranSince: true, restsSince: 0 });
}

function watchPace(pace) {
  const asked = () => Object.assign(pace, { askedAt: Date.now(), ranSince: false });
  addEventListener("click", asked, true);
  addEventListener("popstate", asked, true);
  addEventListener("keydown", ({ key }) => key === "Enter" && asked(), true);
  const look = () => {
    if (isRunning()) Object.assign(pace, { ranSince: true, restsSince: null });
    else pace.restsSince ??= Date.now();
  };
  new MutationObserver(look).observe(document.body, { subtree: true, attributeFilter: [STATE] });
  look();
  return pace;
}

function isRunning() {
  const app = document.querySelector(`[${STATE}]`);
  return app !== null && app.getAttribute(STATE) !== "notRunning";
}

// The browser's way back changes the address at once: then this page is one that is being left.
function isLeft({ data: { here, elsewhere } }) {
  const end = location.pathname.split("/").pop();
  return here ? end !== here : elsewhere.includes(end);
}

function isBusy(state) {
  if (isLeft(state)) return true;
  const { madeAt, data: { unhurried } } = state;
  const { askedAt, ranSince, restsSince } = pace(), now = Date.now();
  const patience = unhurried ? UNHURRIED : ranSince ? ANSWERED : UNANSWERED;
  const awaits = askedAt > madeAt && now - askedAt < patience;
  return awaits || restsSince === null || now - restsSince < SETTLED;
}

function ring(state) {
  clearTimeout(state.later);
  const wait = state.rangAt + NOT_OFTENER - Date.now();
  if (wait > 0 || isBusy(state)) { state.later = setTimeout(() => ring(state), Math.max(wait, BUSY)); return; }
  state.rangAt = Date.now();
  if (process(state.heard) !== process(state.data.version)) globalThis.flowdeckRevival?.revive();
  else state.setTriggerValue("rang", state.rangAt);
}

// What was rung while Streamlit itself was not connected is lost: ring again.
function insist(state) {
  const ignored = state.heard && state.heard !== state.data.version;
  if (ignored && Date.now() - state.rangAt > 2 * AGAIN) ring(state);
}

function follow(state) {
  if (!document.hidden) return connect(state);
  state.socket?.close();
}

export default function (component) {
  const state = remembered(component.parentElement, () => {
    const made = begin(component.parentElement);
    made.listener = () => follow(made);
    document.addEventListener("visibilitychange", made.listener);
    made.stop = everySecond(() => insist(made));
    return made;
  });
  state.data = component.data;
  state.setTriggerValue = component.setTriggerValue;
  connect(state);
  return () => {
    state.ended = true;
    clearTimeout(state.later);
    state.stop();
    document.removeEventListener("visibilitychange", state.listener);
    state.socket?.close();
    REMEMBERED.delete(component.parentElement);
  };
}
