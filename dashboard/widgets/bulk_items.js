// The instances of a bulk job with their results. It is a widget because its links open pages without loading the app again.

const COLOURS = { done: "green", unchanged: "gray", refused: "orange", unknown: "red", left: "violet" };

function line(row) {
  const result = [row.message];
  if (row.newId) result.push(element("span", {}, "rerun as ", pageLink({ href: row.newHref, class: "mono" }, row.newId)));
  return element("tr", {},
    element("td", { class: "outcome" }, element("span", { class: `badge ${COLOURS[row.outcome]}` }, row.outcome)),
    element("td", { class: "id" }, pageLink({ href: row.href, class: "mono", title: row.id }, row.id)),
    element("td", {}, ...result));
}

function showComponent(component) {
  const { root } = stateOf(component, () => ({ root: element("div", { class: "widget items" }) }));
  const head = element("tr", {}, ...["Result", "Instance", "Message"].map((name) => element("th", { scope: "col" }, name)));
  root.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...component.data.rows.map(line))));
}
