// The instances of a bulk job with their results. It is a widget because its links open pages without loading the app again.

function line(row) {
  const result = [row.message];
  if (row.rerun) result.push(element("span", {}, "rerun as ", instanceLink(row.rerun, { class: "mono" })));
  return element("tr", { "data-key": row.key },
    element("td", { class: "outcome" }, element("span", { class: `badge ${OUTCOMES[row.outcome]}` }, row.outcome)),
    element("td", { class: "id" }, instanceLink(row, { class: "mono" })),
    element("td", {}, ...result));
}

function showComponent(component) {
  const { body } = stateOf(component, () => {
    const head = element("tr", {}, ...["Result", "Instance", "Message"].map((name) => element("th", { scope: "col" }, name))), body = element("tbody");
    return { root: element("div", { class: "widget items" }, element("table", {}, element("thead", {}, head), body)), body };
  });
  setRows(body, component.data.rows, line);
}
