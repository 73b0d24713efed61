// The status filter: one button per status with its number of runs.

function chip(state, [status, count, pressed]) {
  const label = status === null ? ["All", "", null] : STATUSES[status];
  return element("button", {
    class: `chip ${label[1]}`, "aria-pressed": String(pressed), "data-status": status ?? "ALL", "data-focus": status ?? "ALL",
    onclick: () => state.setTriggerValue("toggle", { status }),
  }, label[2] && icon(label[2]), label[0], element("span", { class: "count" }, count));
}

function showComponent(component) {
  const { data: { all, counts, selected } } = component;
  const state = stateOf(component, () => (
    { root: element("div", { class: "widget chips", role: "group", "aria-label": "Filter by status" }) }));
  state.setTriggerValue = component.setTriggerValue;
  const chips = [[null, all, selected.length === 0], ...counts.map(([status, count]) => [status, count, selected.includes(status)])];
  setRows(state.root, chips, (each) => chip(state, each));
}
