// The bars of a Gantt chart as a table, for keyboards and screen readers. It is a widget because its rows
// select bars of a chart that changes under them: each button carries the key of its bar.

const COLUMNS = [["Name", "name"], ["Attempt", "attempt"], ["Status", "status"], ["Queue time", "queue"], ["Execution time", "execution"], ["Start", "start"], ["Error", "error"]];

function cellOf(state, row, [label, name]) {
  if (name === "start") return element("td", { "data-label": label }, ZONED.format(row.start));
  if (name !== "name") return element("td", { "data-label": label }, row[name] ?? "");
  const content = row.action
    ? element("button", { type: "button", "aria-pressed": String(row.isSelected), onclick: () =>
      state.setTriggerValue("act", { action: row.isSelected ? "select:" : row.action }) }, row.name)
    : row.name;
  return element("th", { scope: "row", style: `padding-left: ${0.6 + row.depth}rem` }, content);
}

function line(state, row) {
  return element("tr", { "data-key": row.action, class: row.isSelected ? "selected" : null }, ...COLUMNS.map((column) => cellOf(state, row, column)));
}

function showComponent(component) {
  const state = stateOf(component, () => {
    const body = element("tbody"), head = element("tr", {}, ...COLUMNS.map(([label]) => element("th", { scope: "col" }, label)));
    return { root: element("div", { class: "widget bars" }, element("table", {}, element("thead", {}, head), body)), body };
  });
  const { rows, selected } = component.data;
  state.setTriggerValue = component.setTriggerValue;
  setRows(state.body, rows.map((row) => ({ ...row, isSelected: row.action === selected })), (row) => line(state, row));
}
