// The items of the order form: one field per item, and an empty field at the end for another one.

function itemFields({ list }) {
  return [...list.querySelectorAll("input")];
}

function makeRow(state, text) {
  const field = element("input", { type: "text", spellcheck: "false", "aria-describedby": "items-hint" });
  field.value = text;
  const remove = element("button", { type: "button", class: "remove", title: "Remove", tabindex: "-1" }, icon("M4.6 4.6l6.8 6.8 M11.4 4.6l-6.8 6.8"));
  const row = element("div", { class: "row", role: "listitem" }, field, remove);
  field.addEventListener("input", () => { grow(state); edited(state, "items"); });
  field.addEventListener("blur", () => { if (field.value === "" && row.nextSibling) drop(state, row); }); // so that mistakes number the items as the fields do
  field.addEventListener("keydown", (event) => press(row, field, event));
  field.addEventListener("paste", (event) => paste(state, row, field, event));
  remove.addEventListener("click", () => { const next = row.nextSibling; drop(state, row); next.querySelector("input").focus(); });
  return row;
}

// Keeps one empty field at the end, and numbers all fields.
function grow(state) {
  const last = itemFields(state).at(-1);
  if (!last || last.value !== "") state.list.append(makeRow(state, ""));
  itemFields(state).forEach((field, index, all) => {
    const spare = index === all.length - 1;
    field.setAttribute("aria-label", `Item ${index + 1}`);
    field.placeholder = spare ? "Add an item" : "";
    field.nextSibling.hidden = spare;
  });
}

function press(row, field, event) {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    event.preventDefault();
    row.nextSibling?.querySelector("input").focus();
  } else if (event.key === "Backspace" && field.value === "" && row.previousSibling) {
    event.preventDefault();
    row.previousSibling.querySelector("input").focus();
  }
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
  if (field.value === "" && row.isConnected) drop(state, row);
  edited(state, "items");
}

function drop(state, row) {
  row.remove();
  grow(state);
  edited(state, "items");
}
