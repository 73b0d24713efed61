// The runs that wait, the longest wait first. It is a widget because its times grow, and because a selection must stay with its
// runs when the rows move. A raised event is a bulk job: its page asks for the payload first.

const EMPTY = { event: "No running run waits for an event.", retry: "No run waits for a retry.", timer: "No run waits for a timer.", child: "No run waits for a child.", activity: "No run waits for an activity." };

function raiseAddress(rows) {
  const parameters = new URLSearchParams({ action: "raise", selected: JSON.stringify(rows.map(({ id, key }) => [key, id])) });
  const events = new Set(rows.map(({ event }) => event));
  if (events.size === 1 && !events.has(null)) parameters.set("event", [...events][0]);
  return `bulk?${parameters}`;
}

function line(state, row) {
  const since = timed(element("time", { title: row.since === null ? "" : ZONED.format(row.since) }),
    () => row.since === null ? "–" : growing(state.now() - row.since));
  const until = timed(element("time", { class: "muted", title: row.until === null ? "" : ZONED.format(row.until) }),
    () => row.until === null ? "no deadline" : ahead(row.until - state.now()));
  const box = row.canBeRaised && element("input", { type: "checkbox", "aria-label": `Select ${row.id}`, onchange: () => {
    if (box.checked) state.selected.add(row.key);
    else state.selected.delete(row.key);
    showSelection(state);
  } });
  if (box) box.checked = state.selected.has(row.key);
  return element("tr", { "data-id": row.id, "data-key": row.key },
    element("td", { class: "select" }, box || null),
    element("td", {}, instanceLink(row, { class: "id" }), element("span", { class: "muted workflow" }, row.workflow)),
    element("td", { class: "what", title: row.what }, row.what),
    element("td", { class: "n" }, since), element("td", { class: "n" }, until),
    element("td", { class: "n" }, row.canBeRaised ? pageLink({ href: raiseAddress([row]), "aria-label": `Approve or raise an event to ${row.id}` }, "Approve or raise…") : null));
}

function showSelection(state) {
  const rows = state.data.rows.filter(({ key }) => state.selected.has(key));
  state.bar.hidden = rows.length === 0;
  const isMixed = new Set(rows.map(({ event }) => event)).size > 1;
  setRows(state.bar, [[`${rows.length} selected`, isMixed, raiseAddress(rows)]], ([words, mixed, href]) =>
    element("div", {}, element("strong", {}, words), mixed ? "They wait for different events." : "", pageLink({ href, "data-focus": "raise" }, "Approve or raise…")));
}

const HEADS = ["", "Instance", "Waits for", "Waiting time", "Due", ""];

function showComponent(component) {
  const state = stateOf(component, () => {
    const bar = element("div", { class: "bar", hidden: true }), body = element("tbody"), empty = element("p", { class: "empty muted" });
    const head = HEADS.map((name, index) => element("th", { scope: "col", class: index > 2 ? "n" : "" }, name));
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), body);
    const root = element("div", { class: "widget waiting" }, bar, table, empty);
    return { root, bar, table, body, empty, selected: new Set(), stop: everySecond(() => tickTexts(root)) };
  });
  const { data } = component;
  state.data = data;
  state.now = clockOf(data.now);
  const keys = new Set(data.rows.map(({ key }) => key));
  for (const key of state.selected) if (!keys.has(key)) state.selected.delete(key);
  setRows(state.body, data.rows, (row) => line(state, row));
  state.table.hidden = data.rows.length === 0;
  state.empty.hidden = data.rows.length > 0;
  state.empty.textContent = EMPTY[data.kind];
  showSelection(state);
}
