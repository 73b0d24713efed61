// The overview: what needs a person, sparklines, and one row per workflow. It is a widget because its ages grow while nothing changes.

function number(value, unit) {
  if (value === null) return "–";
  return unit === "runs" ? value.toLocaleString("en") : duration(value * SECOND);
}

function figure(data, period) {
  const shown = number(data.value, data.unit);
  return element("figure", {},
    element("figcaption", {}, element("span", { class: "muted" }, data.name), element("strong", {}, shown)),
    sparkline(data, `${data.name} in the ${period}: ${shown}`));
}

const TONES = { outage: "red", group: "red", stalled: "red", overdue: "orange", stuck: "orange", event: "blue" };

function entry(data, now, ticks) {
  const since = element("time", { class: "muted", title: ZONED.format(data.since) });
  const words = () => { since.textContent = data.kind === "group" ? age(now() - data.since) : `for ${growing(now() - data.since)}`; };
  ticks.push(words);
  words();
  const title = [element("strong", {}, data.title), data.isNew ? element("span", { class: "new" }, "new") : null];
  return element("li", { class: TONES[data.kind], "data-kind": data.kind },
    element("span", { class: "count" }, data.count === null ? "!" : data.count.toLocaleString("en")),
    element("span", { class: "what" }, data.href ? pageLink({ href: data.href }, ...title) : element("span", {}, ...title),
      element("span", { class: "muted detail", title: data.detail }, data.detail)),
    since);
}

function attention(data, now, ticks) {
  if (!data.attention.length) {
    return element("p", { class: "calm" }, icon(STATUSES.COMPLETED[2]), "Nothing needs a person.");
  }
  return element("ul", { class: "attention" }, ...data.attention.map((each) => entry(each, now, ticks)));
}

const COLUMNS = [["Workflow", "name"], ["Created", "n"], ["Unfinished now", "n"], ["Failure rate", "n"], ["Duration p50", "n"], ["Duration p95", "n"], ["Oldest unfinished", "n"]];

function workflow(row, now, ticks) {
  const oldest = row.oldest === null || !row.oldestHref ? element("span") : pageLink({ href: row.oldestHref });
  const words = () => { oldest.textContent = row.oldest === null ? "–" : growing(now() - row.oldest); };
  ticks.push(words);
  words();
  const failed = row.failureShare === null ? "–" : `${(row.failureShare * 100).toFixed(row.failureShare && row.failureShare < .1 ? 1 : 0)} %`;
  const cell = (name, ...children) => element("td", { class: "n", "data-label": name }, ...children);
  const name = row.name || "not started yet";
  return element("tr", {},
    element("th", { scope: "row", title: name }, pageLink({ href: row.href }, name)),
    cell("Created", row.created.toLocaleString("en")),
    cell("Unfinished now", row.unfinished && row.unfinishedHref ? pageLink({ href: row.unfinishedHref }, row.unfinished.toLocaleString("en")) : row.unfinished.toLocaleString("en")),
    cell("Failure rate", element("span", { class: row.failed ? "failure" : "", title: `${row.failed} failed` }, failed)),
    cell("Duration p50", number(row.p50, "seconds")),
    cell("Duration p95", number(row.p95, "seconds")),
    cell("Oldest unfinished", oldest));
}

function workflows(data, now, ticks) {
  if (!data.workflows.length) return element("p", { class: "muted" }, "No workflow has run in this period.");
  const head = element("tr", {}, ...COLUMNS.map(([name, kind]) => element("th", { scope: "col", class: kind }, name)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...data.workflows.map((row) => workflow(row, now, ticks))));
}

function showComponent(component) {
  const { data } = component;
  const state = stateOf(component, () => {
    const made = { root: element("div", { class: "widget overview" }), shown: "", ticks: [] };
    made.stop = everySecond(() => made.ticks.forEach((tick) => tick()));
    return made;
  });
  const { now: serverNow, ...rest } = data;
  const shown = JSON.stringify(rest);
  if (shown === state.shown) return;
  state.shown = shown;
  state.ticks = [];
  const now = clockOf(serverNow), focused = state.root.getRootNode().activeElement?.getAttribute?.("href");
  state.root.replaceChildren(
    element("section", { "aria-label": "What needs a person" }, element("h2", {}, "Needs a person"), attention(data, now, state.ticks)),
    element("section", { "aria-label": `Figures of the ${data.period}` }, element("h2", {}, `The ${data.period}`),
      element("div", { class: "figures" }, ...data.figures.map((each) => figure(each, data.period)))),
    element("section", { "aria-label": "Workflows" }, element("h2", {}, "Workflows"), workflows(data, now, state.ticks)));
  if (focused) state.root.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
