// A list of texts: one field per text, and an empty field at the end for another one. Every change is
// sent at once, so that it arrives before a click on the form's button.

function create(component) {
  const list = element("div", { class: "list", role: "list" });
  const root = element("div", { class: "widget items" }, element("div", { class: "label" }, "Items"), list);
  const state = { root, list };
  component.data.first.forEach((text) => list.append(makeRow(state, text)));
  grow(state);
  return state;
}

function fields({ list }) {
  return [...list.querySelectorAll("input")];
}

function values(state) {
  return fields(state).map((field) => field.value).filter((text) => text !== "");
}

function makeRow(state, text) {
  const field = element("input", { type: "text", spellcheck: "false", autocomplete: "off" });
  field.value = text;
  const remove = element("button", { class: "remove", title: "Remove", tabindex: "-1" }, icon("M4.6 4.6l6.8 6.8 M11.4 4.6l-6.8 6.8"));
  const row = element("div", { class: "row", role: "listitem" }, field, remove);
  field.addEventListener("input", () => { grow(state); state.send(); });
  field.addEventListener("blur", () => leave(state, row, field));
  field.addEventListener("keydown", (event) => press(state, row, field, event));
  field.addEventListener("paste", (event) => paste(state, row, field, event));
  remove.addEventListener("click", () => { const next = row.nextSibling; drop(state, row); next.querySelector("input").focus(); });
  return row;
}

// Keeps one empty field at the end, and numbers all fields.
function grow(state) {
  const last = fields(state).at(-1);
  if (!last || last.value !== "") state.list.append(makeRow(state, ""));
  fields(state).forEach((field, index, all) => {
    const spare = index === all.length - 1;
    field.setAttribute("aria-label", `Item ${index + 1}`);
    field.placeholder = spare ? "Add an item" : "";
    field.nextSibling.hidden = spare;
  });
}

function press(state, row, field, event) {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    event.preventDefault();
    row.nextSibling?.querySelector("input").focus();
  } else if (event.key === "Backspace" && field.value === "" && row.previousSibling) {
    event.preventDefault();
    row.previousSibling.querySelector("input").focus();
  }
}

// Removes an emptied field, so that errors number the items as the fields do.
function leave(state, row, field) {
  if (field.value === "" && row.nextSibling) drop(state, row);
}

// Pastes several lines as several items.
function paste(state, row, field, event) {
  const lines = event.clipboardData.getData("text").split(/\r\n|\r|\n/).filter((line) => line !== "");
  if (lines.length < 2) return;
  event.preventDefault();
  const made = lines.map((line) => makeRow(state, line));
  row.after(...made);
  grow(state);
  made.at(-1).querySelector("input").focus();
  leave(state, row, field);
  state.send();
}

function drop(state, row) {
  row.remove();
  grow(state);
  state.send();
}

function showComponent(component) {
  const state = stateOf(component, () => create(component));
  state.send = () => component.setStateValue("texts", values(state));
}
