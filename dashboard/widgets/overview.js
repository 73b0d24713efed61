// The overview: what needs a person, sparklines, and one row per workflow. It is a widget because its ages grow while nothing changes.

function number(value, unit) {
  if (value === null) return "–";
  return unit === "runs" ? value.toLocaleString("en") : duration(value * SECOND);
}

function figure(data) {
  const shown = number(data.value, data.unit);
  return element("figure", {},
    element("figcaption", {}, element("span", { class: "muted" }, data.name), element("strong", {}, shown)),
    sparkline(data, `${data.name} in the ${data.period}: ${shown}`));
}

const TONES = { outage: "red", group: "red", stalled: "red", overdue: "orange", stuck: "orange", event: "blue" };

function entry(state, data) {
  const since = timed(element("time", { class: "muted", title: ZONED.format(data.since) }),
    () => data.kind === "group" ? age(state.now() - data.since) : `for ${growing(state.now() - data.since)}`);
  const title = [element("strong", {}, data.title), data.isNew ? element("span", { class: "new" }, "new") : null];
  return element("li", { class: TONES[data.kind], "data-kind": data.kind },
    element("span", { class: "count" }, data.count === null ? "!" : data.count.toLocaleString("en")),
    element("span", { class: "what" }, data.href ? pageLink({ href: data.href }, ...title) : element("span", {}, ...title),
      element("span", { class: "muted detail", title: data.detail }, data.detail)),
    since);
}

const COLUMNS = [["Workflow", "name"], ["Created", "n"], ["Unfinished now", "n"], ["Failure rate", "n"], ["Duration p50", "n"], ["Duration p95", "n"], ["Oldest unfinished", "n"]];

function workflow(state, row) {
  const oldest = timed(element("td", { class: "n", "data-label": "Oldest unfinished" }), () => row.oldest === null ? "–" : growing(state.now() - row.oldest));
  const failed = row.failureShare === null ? "–" : `${(row.failureShare * 100).toFixed(row.failureShare && row.failureShare < .1 ? 1 : 0)} %`;
  const cell = (name, ...children) => element("td", { class: "n", "data-label": name }, ...children);
  const name = row.name || "not started yet";
  return element("tr", {},
    element("th", { scope: "row", title: name }, row.href ? pageLink({ href: row.href }, name) : name),
    cell("Created", row.created.toLocaleString("en")),
    cell("Unfinished now", row.unfinished ? pageLink({ href: row.unfinishedHref }, row.unfinished.toLocaleString("en")) : "0"),
    cell("Failure rate", element("span", { class: row.failed ? "failure" : "", title: `${row.failed} failed` }, failed)),
    cell("Duration p50", number(row.p50, "seconds")),
    cell("Duration p95", number(row.p95, "seconds")),
    oldest);
}

function create() {
  const attention = element("ul", { class: "attention" }), calm = element("p", { class: "calm" }, icon(STATUSES.COMPLETED[2]), "Nothing needs a person.");
  const figures = element("div", { class: "figures" }), title = element("h2");
  const head = element("tr", {}, ...COLUMNS.map(([name, kind]) => element("th", { scope: "col", class: kind }, name)));
  const body = element("tbody"), table = element("table", {}, element("thead", {}, head), body);
  const none = element("p", { class: "muted" }, "No workflow has run in this period.");
  const ofPeriod = element("section", {}, title, figures);
  const root = element("div", { class: "widget overview" },
    element("section", { "aria-label": "What needs a person" }, element("h2", {}, "Needs a person"), attention, calm),
    ofPeriod, element("section", { "aria-label": "Workflows" }, element("h2", {}, "Workflows"), table, none));
  return { root, attention, calm, ofPeriod, title, figures, table, body, none, stop: everySecond(() => tickTexts(root)) };
}

function showComponent(component) {
  const state = stateOf(component, create), { data } = component, { period } = data;
  state.now = clockOf(data.now);
  setRows(state.attention, data.attention, (each) => entry(state, each));
  state.attention.hidden = data.attention.length === 0;
  state.calm.hidden = data.attention.length > 0;
  state.ofPeriod.setAttribute("aria-label", `Figures of the ${period}`);
  state.title.textContent = `The ${period}`;
  setRows(state.figures, data.figures.map((each) => ({ ...each, period })), figure);
  setRows(state.body, data.workflows, (row) => workflow(state, row));
  state.table.hidden = data.workflows.length === 0;
  state.none.hidden = data.workflows.length > 0;
}
