// Shows the worst known state: not connected, a service is away, or live. While the tab is visible, this widget keeps a websocket open,
// and the server reruns the live fragment of the page after a change, once this widget has reported the last render. See updates.py.

const TIME = new Intl.DateTimeFormat("sv", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const RECONNECT_DELAY = 1000; // milliseconds; a server restarts within a few seconds

function create() {
  const text = element("span", {}), application = element("span", { class: "application", title: "The application" });
  const status = element("span", { class: "live-status", role: "status" }, element("span", { class: "dot" }), text);
  const root = element("div", { class: "live-updates muted" }, application, status);
  const state = { root, text, application, socket: null, isConnected: null, retry: null, ended: false };
  const listener = () => document.hidden ? state.socket?.close() : connect(state);
  document.addEventListener("visibilitychange", listener);
  state.stop = () => {
    state.ended = true;
    clearTimeout(state.retry);
    document.removeEventListener("visibilitychange", listener);
    state.socket?.close();
  };
  return state;
}

function show(state) {
  const { application, problem } = state.data, { isConnected } = state;
  state.lostAt = isConnected ? null : state.lostAt ?? Date.now();
  state.root.classList.toggle("live", isConnected && !problem);
  state.root.classList.toggle("lost", !isConnected);
  state.application.textContent = application ?? "";
  state.text.textContent = !isConnected ? `No connection to the dashboard since ${TIME.format(state.lostAt)}. Reconnecting…` : problem ?? "Live";
  if (!isConnected) closeDialog();
}

// Closes Streamlit's dialog about the connection, which opens after ten seconds and covers the page.
function closeDialog() {
  const dialogs = [...document.querySelectorAll("[role=dialog]")];
  dialogs.find((each) => each.textContent.startsWith("Connection error"))?.querySelector("button[aria-label=Close]")?.click();
}

function connect(state) {
  clearTimeout(state.retry);
  if (document.hidden || state.socket || state.ended) return;
  const url = new URL(state.data.path, document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = state.socket = new WebSocket(url);
  socket.onopen = () => {
    socket.send(state.data.session);
    report(state);
  };
  socket.onmessage = ({ data }) => {
    state.isConnected = data === "live";
    if (state.isConnected) show(state);
    else globalThis.flowdeckRerunPage?.(); // the server does not know this session
  };
  socket.onclose = () => {
    state.socket = null;
    if (document.hidden || state.ended) return;
    state.isConnected = false;
    show(state);
    state.retry = setTimeout(() => connect(state), RECONNECT_DELAY);
  };
}

// Tells the server which render of the live fragment the page shows.
function report({ socket, data }) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(data.renderId);
}

function showComponent(component) {
  const state = stateOf(component, create);
  const changed = state.data && state.data.session !== component.data.session;
  state.data = component.data;
  if (state.isConnected !== null) show(state); // before the first answer nothing is known
  if (changed) {
    state.socket?.close();
    // The server has restarted, and refuses input until it has run the page. A rerun of the whole
    // page also sends all fields again, so that no typed text is lost.
    globalThis.flowdeckRerunPage?.();
  }
  report(state);
  connect(state);
}
