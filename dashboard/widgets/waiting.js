// The runs that wait, the longest wait first. It is a widget because its times grow, and because a selection must stay with its
// runs when the rows move. A raised event is a bulk job: its page asks for the payload first.

const EMPTY = { event: "No running run waits for an event.", retry: "No run waits for a retry.", timer: "No run waits for a timer.", child: "No run waits for a child.", activity: "No run waits for an activity." };

function raiseAddress(rows) {
  const parameters = new URLSearchParams([["action", "raise"], ...rows.flatMap(({ id, key }) => [["instance", id], ["run", key]])]);
  const events = new Set(rows.map(({ event }) => event));
  if (events.size === 1 && !events.has(null)) parameters.set("event", [...events][0]);
  return `bulk?${parameters}`;
}

function line(state, row) {
  const since = element("time", { title: row.since === null ? "" : ZONED.format(row.since) });
  const until = element("time", { class: "muted", title: row.until === null ? "" : ZONED.format(row.until) });
  const tick = () => {
    since.textContent = row.since === null ? "–" : growing(state.now() - row.since);
    until.textContent = row.until === null ? "no deadline" : ahead(row.until - state.now());
  };
  state.ticks.push(tick);
  tick();
  const isEvent = state.data.kind === "event";
  const box = isEvent && element("input", { type: "checkbox", "aria-label": `Select ${row.id}`, onchange: () => {
    if (box.checked) state.selected.add(row.key);
    else state.selected.delete(row.key);
    showSelection(state);
  } });
  if (box) box.checked = state.selected.has(row.key);
  return element("tr", { "data-id": row.id },
    element("td", { class: "select" }, box || null),
    element("td", {}, pageLink({ href: row.href, class: "id", title: row.id }, row.id), element("span", { class: "muted workflow" }, row.workflow)),
    element("td", { class: "what", title: row.what }, row.what),
    element("td", { class: "n" }, since), element("td", { class: "n" }, until),
    element("td", { class: "n" }, isEvent ? pageLink({ href: raiseAddress([row]), "aria-label": `Raise an event to ${row.id}` }, "Raise event…") : null));
}

function showSelection(state) {
  const rows = state.data.rows.filter(({ key }) => state.selected.has(key));
  state.bar.hidden = rows.length === 0;
  const isMixed = new Set(rows.map(({ event }) => event)).size > 1;
  state.bar.replaceChildren(element("strong", {}, `${rows.length} selected`), isMixed ? "They wait for different events." : "", pageLink({ href: raiseAddress(rows) }, "Raise event…"));
}

function showComponent(component) {
  const state = stateOf(component, () => {
    const bar = element("div", { class: "bar", hidden: true }), place = element("div", {});
    const made = { root: element("div", { class: "widget waiting" }, bar, place), bar, place, ticks: [], selected: new Set() };
    made.stop = everySecond(() => made.ticks.forEach((tick) => tick()));
    return made;
  });
  const { data } = component;
  state.data = data;
  state.now = clockOf(data.now);
  state.ticks = [];
  const keys = new Set(data.rows.map(({ key }) => key));
  for (const key of state.selected) if (!keys.has(key)) state.selected.delete(key);
  const head = ["", "Instance", "Waits for", "Waiting time", "Due", ""].map((name, index) => element("th", { scope: "col", class: index > 2 ? "n" : "" }, name));
  state.place.replaceChildren(data.rows.length
    ? element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...data.rows.map((row) => line(state, row))))
    : element("p", { class: "empty muted" }, EMPTY[data.kind]));
  showSelection(state);
}
