// The table of runs. Each button carries the id of its row, so that a click acts on that instance
// even if the row has moved. While the pointer is over the table its rows do not move: they are
// updated in place, and a button announces new rows.

const COLUMNS = ["Status", "Instance", "Step", "Started", "Duration", "Actions"];
const CLICK_TIMEOUT = 6000; // milliseconds; a click that is not acknowledged by then may be lost
const UNFREEZE_DELAY = 500; // milliseconds after the pointer has left, as it may only cross the edge of the table

function create() {
  const fresh = element("button", { class: "fresh", hidden: true });
  const head = element("tr", {}, ...COLUMNS.map((name) =>
    element("th", { scope: "col", class: name.toLowerCase() }, name)));
  const body = element("tbody");
  const table = element("table", {}, element("thead", {}, head), body);
  const empty = element("div", { class: "empty", hidden: true });
  const root = element("div", { class: "widget instances" }, fresh, table, empty);
  const state = { root, fresh, table, body, empty, rows: new Map(), clicks: 0, pending: new Map(), lost: new Map(), frozen: false };
  // If the table appears under a resting pointer, the browser reports a move of no distance.
  root.addEventListener("pointermove", ({ movementX, movementY }) => { if (movementX || movementY) freeze(state); });
  root.addEventListener("pointerleave", () => unfreeze(state));
  root.addEventListener("focusin", () => freeze(state));
  root.addEventListener("focusout", () => unfreeze(state));
  fresh.addEventListener("click", () => { fresh.blur(); arrange(state); });
  state.stop = everySecond(() => tick(state));
  return state;
}

function freeze(state) {
  clearTimeout(state.unfreezing);
  state.frozen = true;
}

function unfreeze(state) {
  clearTimeout(state.unfreezing);
  state.unfreezing = setTimeout(() => {
    state.frozen = state.root.matches(":hover");
    if (!state.frozen) arrange(state);
  }, UNFREEZE_DELAY);
}

function cell(name, ...children) {
  return element("td", { class: name.toLowerCase() }, ...children);
}

function makeRow(state, key) {
  const cells = Object.fromEntries(COLUMNS.map((name) => [name, cell(name)]));
  const line = element("tr", { "data-key": key }, ...Object.values(cells));
  return { line, cells, shown: "" };
}

function fill(state, row, data) {
  row.data = data;
  row.line.classList.remove("gone");
  const lost = state.lost.get(data.key) ?? null;
  const shown = JSON.stringify([data, state.pending.get(data.key) ?? null, lost, state.data.away]);
  if (row.shown === shown) return;
  row.shown = shown;
  const { cells } = row;
  row.line.dataset.id = data.id;
  cells.Status.replaceChildren(badge(data.status));
  cells.Instance.replaceChildren(
    pageLink({ href: data.href, class: "id", title: data.id }, shortened(data.id)),
    element("span", { class: "muted workflow", title: data.workflow }, data.workflow || "not started yet"));
  const step = data.failure ?? (data.repeats ? `repeats ${data.repeats}` : data.waits ?? "");
  row.step = element("span", { title: data.failure ?? data.fault ?? step, class: data.failure || data.repeats ? "step failure" : "step" }, step);
  row.until = element("span", { class: "muted until" });
  row.suspended = element("span", { class: "muted suspended", title: data.suspended === null ? "" : ZONED.format(data.suspended) + pauser(data) });
  keepFocus(state, () => cells.Step.replaceChildren(...lost ? [lostClick(state, data, lost)] : [row.step, row.until, row.suspended]));
  row.since = element("time", { title: ZONED.format(data.start) });
  cells.Started.replaceChildren(row.since);
  row.duration = element("span", {});
  cells.Duration.replaceChildren(row.duration);
  keepFocus(state, () => cells.Actions.replaceChildren(...data.actions.map((name) => button(state, data, name))));
  tickRow(state, row);
}

// Keeps the keyboard focus on a button that is replaced by one with the same label.
function keepFocus(state, change) {
  const label = state.root.getRootNode().activeElement?.getAttribute?.("aria-label");
  change();
  if (label) state.root.querySelector(`button[aria-label="${CSS.escape(label)}"]`)?.focus({ preventScroll: true });
}

function button(state, data, name) {
  const [word, path] = ACTIONS[name];
  const waiting = state.pending.has(data.key);
  return element("button", {
    class: name, disabled: waiting || state.data.away, "aria-label": `${word} ${data.id}`,
    title: state.data.away || `${word} ${data.id}`,
    onclick: () => act(state, data, name),
  }, icon(path), element("span", { class: "word" }, word));
}

// Says in the row of a click that the dashboard did not acknowledge it.
function lostClick(state, data, { action }) {
  const [word] = ACTIONS[action];
  const retry = data.actions.includes(action)
    && element("button", { disabled: state.data.away, "aria-label": `Retry ${data.id}`, onclick: () => act(state, data, action) }, "Retry");
  const dismiss = element("button", { "aria-label": `Dismiss ${data.id}`,
    onclick: () => { state.lost.delete(data.key); fill(state, state.rows.get(data.key), data); } }, "Dismiss");
  return element("div", { class: "lost", role: "alert" },
    element("span", { class: "failure" }, `${word}: no answer. The dashboard may not have received it.`), " ", retry || null, " ", dismiss);
}

function act(state, data, name) {
  dropLostClicks(state);
  state.lost.delete(data.key);
  state.clicks = Math.max(state.clicks + 1, Date.now());
  state.pending.set(data.key, { id: data.id, action: name, click: state.clicks });
  fill(state, state.rows.get(data.key), data);
  // While the page is busy only the last of several messages arrives: each carries all clicks.
  state.setTriggerValue("act", { clicks: [...state.pending.values()] });
}

// Drops clicks that a killed dashboard never received: they must not act later, when the operator no
// longer expects it. The row says so, and the button can be clicked again.
function dropLostClicks(state) {
  for (const [key, pending] of state.pending) {
    if (Date.now() - pending.click < CLICK_TIMEOUT) continue;
    state.pending.delete(key);
    state.lost.set(key, pending);
    const row = state.rows.get(key);
    if (row) fill(state, row, row.data);
  }
}

function tick(state) {
  dropLostClicks(state);
  for (const row of state.rows.values()) tickRow(state, row);
}

function tickRow(state, row) {
  const { data } = row, now = state.now();
  row.since.textContent = data.start > now ? ahead(data.start - now) : age(now - data.start);
  row.duration.textContent = data.started === null ? "–"
    : data.ended === null ? growing(now - data.started) : duration(data.ended - data.started);
  row.suspended.textContent = data.suspended === null ? ""
    : `suspended ${age(now - data.suspended)}${pauser(data)}`;
  row.until.textContent = data.until === null || data.ended !== null ? "" : untilWords(data, now);
}

// Adds, removes and sorts the rows to match the data.
function arrange(state) {
  const wanted = new Set(state.data.rows.map((data) => data.key));
  for (const [key, row] of state.rows) {
    if (!wanted.has(key)) { row.line.remove(); state.rows.delete(key); }
  }
  state.data.rows.forEach((data, index) => {
    if (!state.rows.has(data.key)) state.rows.set(data.key, makeRow(state, data.key));
    const row = state.rows.get(data.key);
    fill(state, row, data);
    const current = state.body.children[index];
    if (current !== row.line) state.body.insertBefore(row.line, current ?? null);
  });
  announce(state, 0);
}

// Updates the existing rows in place, and announces the others.
function update(state) {
  const known = new Map(state.data.rows.map((data) => [data.key, data]));
  for (const [key, row] of state.rows) {
    if (known.has(key)) fill(state, row, known.get(key));
    else markGone(row);
  }
  announce(state, state.data.rows.filter((data) => !state.rows.has(data.key)).length);
}

function markGone(row) {
  row.shown = "";
  row.line.classList.add("gone");
  for (const each of row.line.querySelectorAll("button")) each.disabled = true;
}

function announce(state, count) {
  state.fresh.hidden = count === 0;
  state.fresh.textContent = `${count} new – show`;
  state.table.hidden = state.rows.size === 0;
  state.empty.hidden = state.rows.size > 0;
}

function showEmptyText(state) {
  const [title, text] = state.data.empty;
  state.empty.replaceChildren(element("strong", {}, title), element("span", { class: "muted" }, text));
}

function showComponent(component) {
  const state = stateOf(component, create);
  const viewChanged = state.data && state.data.view !== component.data.view;
  state.data = component.data;
  state.setTriggerValue = component.setTriggerValue;
  state.now = clockOf(component.data.now);
  for (const clicks of [state.pending, state.lost]) {
    for (const [key, { click }] of clicks) if (component.data.handled.includes(click)) clicks.delete(key);
  }
  showEmptyText(state);
  if (state.frozen && !viewChanged && state.rows.size) update(state);
  else arrange(state);
}
