// The status filter: one button per status with its number of runs.

function chip(component, status, count, pressed) {
  const label = status === null ? ["All", "", null] : STATUSES[status];
  return element("button", {
    class: `chip ${label[1]}`, "aria-pressed": String(pressed), "data-status": status ?? "ALL",
    onclick: () => component.setTriggerValue("toggle", { status }),
  }, label[2] && icon(label[2]), label[0], element("span", { class: "count" }, count));
}

function showComponent(component) {
  const { data } = component;
  const { root } = stateOf(component, () => (
    { root: element("div", { class: "widget chips", role: "group", "aria-label": "Filter by status" }) }));
  const focused = root.getRootNode().activeElement?.dataset?.status;
  const noneSelected = data.selected.length === 0;
  root.replaceChildren(
    chip(component, null, data.all, noneSelected),
    ...data.counts.map(([status, count]) => chip(component, status, count, data.selected.includes(status))));
  if (focused) root.querySelector(`[data-status="${focused}"]`)?.focus({ preventScroll: true });
}
