// The time to start: a time in the browser's time zone, or empty for now. The native field also
// reports an incomplete time.

function startOf(field) {
  const at = new Date(field.value).getTime();
  return { at: Number.isNaN(at) ? null : at, isIncomplete: field.validity.badInput };
}

function create() {
  const field = element("input", { type: "datetime-local", max: "9999-12-31T23:59", "aria-label": "Start at" });
  const label = element("div", { class: "label" }, "Start at ", element("span", { class: "muted" }, "(empty: now)"));
  const root = element("div", { class: "widget start" }, label, field);
  const state = { root, field, sent: JSON.stringify(startOf(field)) };
  // Browsers send no input event for an incomplete time, only key events.
  for (const event of ["input", "change", "keyup", "blur"]) field.addEventListener(event, () => sendIfChanged(state));
  return state;
}

function sendIfChanged(state) {
  const start = startOf(state.field), sent = JSON.stringify(start);
  if (sent === state.sent) return;
  state.sent = sent;
  state.send(start);
}

function showComponent(component) {
  const state = stateOf(component, create);
  state.send = (start) => component.setStateValue("start", start);
}
