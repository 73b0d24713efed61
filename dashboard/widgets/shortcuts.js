// Keyboard shortcuts of the table of runs. A row is chosen while the focus is in it, so that the choice is visible, Enter opens the
// run, and live updates do not move the row. A key without a modifier can disturb people who type by voice: shortcuts can be
// turned off.

const SHORTCUTS = "flowdeck-shortcuts"; // in the browser's storage: "off" after a viewer has turned them off
const HINTS = [["/", "search"], ["j", "next row"], ["k", "previous row"], ["p", "pause"], ["r", "resume"], ["Shift+T", "terminate"]];
const KEYS = {
  "/": () => document.querySelector(".st-key-q input")?.focus(),
  j: (state) => choose(state, 1),
  k: (state) => choose(state, -1),
  p: (state) => press(state, "pause"),
  r: (state) => press(state, "resume"),
  T: (state) => askToTerminate(state),
};

const MAY_REPEAT = new Set(["j", "k"]); // while the key is held down

function stored() {
  try {
    return localStorage.getItem(SHORTCUTS);
  } catch {
    return null; // the browser forbids storage
  }
}

function store(value) {
  try {
    localStorage.setItem(SHORTCUTS, value);
  } catch {
    // the choice lasts until the page is reloaded
  }
}

// Adds the hint below the table, and listens to keys; returns a function that stops listening.
function shortcuts(state) {
  state.shortcuts = stored() !== "off";
  state.hint = element("div", { class: "shortcuts muted" });
  state.question = element("dialog", { class: "question" });
  state.root.append(state.hint, state.question);
  showHint(state);
  const pressed = (event) => handle(state, event);
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

function showHint(state) {
  const isOn = state.shortcuts;
  const button = element("button", { type: "button", class: "link", onclick: () => {
    state.shortcuts = !isOn;
    store(isOn ? "off" : "on");
    showHint(state);
    state.hint.querySelector("button").focus({ preventScroll: true });
  } }, isOn ? "Turn shortcuts off" : "Turn shortcuts on");
  const words = HINTS.map(([key, word]) => element("span", {}, element("kbd", {}, key), ` ${word}`));
  state.hint.replaceChildren(...(isOn ? words : []), button);
}

function handle(state, event) {
  const act = KEYS[event.key];
  if (!act || !state.shortcuts || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.repeat && !MAY_REPEAT.has(event.key)) return;
  if (isTyping(event.composedPath()[0]) || state.question.open || document.querySelector("[role=dialog]")) return;
  event.preventDefault();
  act(state);
}

function isTyping(target) {
  return target instanceof Element && (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select, [role=combobox]"));
}

function chosen(state) {
  return state.root.getRootNode().activeElement?.closest("tr[data-id]") ?? null;
}

// Moves the focus to the next or previous row; to the first one if none is chosen.
function choose(state, step) {
  const lines = [...state.body.querySelectorAll("tr[data-id]")], index = lines.indexOf(chosen(state));
  const link = lines[index < 0 ? 0 : index + step]?.querySelector("a.id");
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: "nearest" });
}

function press(state, action) {
  chosen(state)?.querySelector(`button.${action}:not(:disabled)`)?.click();
}

// Asks before it terminates: a key is pressed by mistake more easily than a button.
function askToTerminate(state) {
  const line = chosen(state), button = () => line?.querySelector("button.terminate:not(:disabled)"); // an update replaces it
  if (!button()) return;
  if (state.data.asks) return button().click(); // the page asks
  const { id } = line.dataset;
  const close = () => { state.question.close(); line.querySelector("a.id")?.focus({ preventScroll: true }); };
  const yes = element("button", { type: "button", class: "danger", onclick: () => {
    close();
    if (line.isConnected && line.dataset.id === id) button()?.click();
  } }, "Terminate");
  state.question.oncancel = close;
  state.question.replaceChildren(
    element("p", {}, "Terminate ", element("strong", {}, id), "? This ends the run and its descendants."),
    element("div", { class: "answers" }, element("button", { type: "button", onclick: close }, "Cancel"), yes));
  state.question.showModal();
  yes.focus();
}
