// Hears from the server when there is something new, and has the page ask for it. Says whether the
// page is live. Silent while the tab is hidden.

const AGAIN = 1000, NOT_OFTENER = 400;

function begin(parent) {
  const dot = element("span", { class: "dot" });
  const word = element("span", {});
  const line = element("div", { class: "bell muted", role: "status" }, dot, word);
  parent.append(line);
  return { line, word, socket: null, retry: null, rangAt: 0, later: null };
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
  socket.onopen = () => { say(state, true); socket.send(state.data.version); };
  socket.onmessage = () => ring(state);
  socket.onclose = () => {
    state.socket = null;
    if (document.hidden || state.ended) return;
    say(state, false);
    state.retry = setTimeout(() => connect(state), AGAIN);
  };
}

function ring(state) {
  clearTimeout(state.later);
  const wait = state.rangAt + NOT_OFTENER - Date.now();
  if (wait > 0) { state.later = setTimeout(() => ring(state), wait); return; }
  state.rangAt = Date.now();
  state.setTriggerValue("rang", state.rangAt);
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
    return made;
  });
  state.data = component.data;
  state.setTriggerValue = component.setTriggerValue;
  connect(state);
  return () => {
    state.ended = true;
    document.removeEventListener("visibilitychange", state.listener);
    state.socket?.close();
    REMEMBERED.delete(component.parentElement);
  };
}
