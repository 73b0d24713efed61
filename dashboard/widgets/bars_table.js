// The bars of a Gantt chart as a table, for keyboards and screen readers. It is a widget because its rows
// select bars of a chart that changes under them: each button carries the key of its bar.

const COLUMNS = [["Name", "name"], ["Attempt", "attempt"], ["Status", "status"], ["Queue time", "queue"], ["Execution time", "execution"], ["Start", "start"], ["Error", "error"]];

function cellOf(state, row, [label, name]) {
  if (name === "start") return element("td", { "data-label": label }, ZONED.format(row.start));
  if (name !== "name") return element("td", { "data-label": label }, row[name] ?? "");
  const isSelected = row.action === state.data.selected;
  const content = row.action
    ? element("button", { type: "button", "data-action": row.action, "aria-pressed": String(isSelected), onclick: () =>
      state.setTriggerValue("act", { action: isSelected ? "select:" : row.action }) }, row.name)
    : row.name;
  return element("th", { scope: "row", style: `padding-left: ${0.6 + row.depth}rem` }, content);
}

function line(state, row) {
  return element("tr", { class: row.action === state.data.selected ? "selected" : null }, ...COLUMNS.map((column) => cellOf(state, row, column)));
}

// Makes the rows again if they have changed; keeps the focus.
function showComponent(component) {
  const state = stateOf(component, () => {
    const body = element("tbody"), head = element("tr", {}, ...COLUMNS.map(([label]) => element("th", { scope: "col" }, label)));
    return { root: element("div", { class: "widget bars" }, element("table", {}, element("thead", {}, head), body)), body };
  });
  state.data = component.data;
  state.setTriggerValue = component.setTriggerValue;
  const shown = JSON.stringify([state.data.rows, state.data.selected]);
  if (state.shown === shown) return;
  state.shown = shown;
  const focused = state.root.getRootNode().activeElement?.dataset?.action;
  state.body.replaceChildren(...state.data.rows.map((row) => line(state, row)));
  if (focused) [...state.body.querySelectorAll("[data-action]")].find((each) => each.dataset.action === focused)?.focus({ preventScroll: true });
}
