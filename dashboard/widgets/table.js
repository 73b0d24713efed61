// The table of instances. Each button carries the id of its own row, so that a click acts on what
// it stands beside, wherever the row has moved since. While somebody points at the table its rows
// stay where they are: they change in place, and new ones are announced.

const COLUMNS = ["Status", "Instance", "Step", "Started", "Duration", "Actions"];
const CLICK_TIMEOUT = 6000; // milliseconds after which a click that nobody acknowledged never arrived
const RELEASE_DELAY = 500; // milliseconds after the pointer has left, before rows move again

function create(parent) {
  const fresh = element("button", { class: "fresh", hidden: true });
  const head = element("tr", {}, ...COLUMNS.map((name) =>
    element("th", { scope: "col", class: name.toLowerCase() }, name)));
  const body = element("tbody");
  const table = element("table", {}, element("thead", {}, head), body);
  const empty = element("div", { class: "empty", hidden: true });
  const root = element("div", { class: "widget instances" }, fresh, table, empty);
  parent.append(root);
  const state = { root, fresh, table, body, empty, rows: new Map(), clicks: 0, pending: new Map(), held: false };
  root.addEventListener("pointerenter", () => hold(state));
  root.addEventListener("pointerleave", () => release(state));
  root.addEventListener("focusin", () => hold(state));
  root.addEventListener("focusout", () => release(state));
  fresh.addEventListener("click", () => { fresh.blur(); arrange(state); });
  state.stop = everySecond(() => tick(state));
  return state;
}

function hold(state) {
  clearTimeout(state.releasing);
  state.held = true;
}

function release(state) {
  clearTimeout(state.releasing);
  state.releasing = setTimeout(() => {
    state.held = state.root.matches(":hover");
    if (!state.held) arrange(state);
  }, RELEASE_DELAY);
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
  const shown = JSON.stringify([data, state.pending.get(data.key) ?? null, state.data.away]);
  if (row.shown === shown) return;
  row.shown = shown;
  const { cells } = row;
  row.line.dataset.id = data.id;
  cells.Status.replaceChildren(badge(data.status));
  cells.Instance.replaceChildren(
    element("a", { href: data.href, class: "id", title: data.id, onclick: onPlainClick(() => open(state, data)) }, shortened(data.id)),
    element("span", { class: "muted workflow", title: data.workflow }, data.workflow || "not begun yet"));
  row.what = element("span", { title: data.failure ?? data.waits ?? "", class: data.failure ? "what failure" : "what" },
    data.failure ?? data.waits ?? "");
  row.until = element("span", { class: "muted until" });
  cells.Step.replaceChildren(row.what, row.until);
  row.since = element("time", { title: ZONED.format(data.created) });
  cells.Started.replaceChildren(row.since);
  row.lasts = element("span", {});
  cells.Duration.replaceChildren(row.lasts);
  keepFocus(state, () => cells.Actions.replaceChildren(...data.actions.map((name) => button(state, data, name))));
  tickRow(state, row);
}

function open(state, { id, run_id }) {
  state.setTriggerValue("open", { id, run_id });
}

// A button that is replaced by one of the same name keeps the keyboard's focus.
function keepFocus(state, change) {
  const had = state.root.getRootNode().activeElement?.getAttribute?.("aria-label");
  change();
  if (had) state.root.querySelector(`button[aria-label="${CSS.escape(had)}"]`)?.focus({ preventScroll: true });
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

function act(state, data, name) {
  forgetLost(state);
  state.clicks = Math.max(state.clicks + 1, Date.now());
  state.pending.set(data.key, { id: data.id, action: name, click: state.clicks });
  fill(state, state.rows.get(data.key), data);
  // Of several messages that come while the page is busy only the last arrives: it carries them all.
  state.setTriggerValue("act", { clicks: [...state.pending.values()] });
}

// What a dashboard that was killed never heard of is over: it must not be done when nobody expects
// it any more. The button can be clicked again.
function forgetLost(state) {
  for (const [key, { click }] of state.pending) {
    if (Date.now() - click < CLICK_TIMEOUT) continue;
    state.pending.delete(key);
    const row = state.rows.get(key);
    if (row) fill(state, row, row.data);
  }
}

function tick(state) {
  forgetLost(state);
  for (const row of state.rows.values()) tickRow(state, row);
}

function tickRow(state, row) {
  const { data } = row, now = state.now();
  row.since.textContent = data.created > now ? ahead(data.created - now) : age(now - data.created);
  row.lasts.textContent = data.started === null ? "–"
    : data.ended === null ? growing(now - data.started) : duration(data.ended - data.started);
  row.until.textContent = data.until === null || data.ended !== null ? "" : ` · ${ahead(data.until - now)}`;
}

// Bring the rows into the order of the data, and in and out of the table.
function arrange(state) {
  const wanted = new Set(state.data.rows.map((data) => data.key));
  for (const [key, row] of state.rows) {
    if (!wanted.has(key)) { row.line.remove(); state.rows.delete(key); }
  }
  state.data.rows.forEach((data, index) => {
    if (!state.rows.has(data.key)) state.rows.set(data.key, makeRow(state, data.key));
    const row = state.rows.get(data.key);
    fill(state, row, data);
    const there = state.body.children[index];
    if (there !== row.line) state.body.insertBefore(row.line, there ?? null);
  });
  announce(state, 0);
}

// Change in place what is there already; say what else there is.
function update(state) {
  const known = new Map(state.data.rows.map((data) => [data.key, data]));
  for (const [key, row] of state.rows) {
    if (known.has(key)) fill(state, row, known.get(key));
    else leave(row);
  }
  announce(state, state.data.rows.filter((data) => !state.rows.has(data.key)).length);
}

function leave(row) {
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

function say(state) {
  const [title, text] = state.data.empty;
  state.empty.replaceChildren(element("strong", {}, title), element("span", { class: "muted" }, text));
}

export default function (component) {
  const state = remembered(component.parentElement, () => create(component.parentElement));
  const asked = state.data && state.data.view !== component.data.view;
  state.data = component.data;
  state.setTriggerValue = component.setTriggerValue;
  state.now = clockOf(component.data.now);
  for (const [key, { click }] of state.pending) if (component.data.handled.includes(click)) state.pending.delete(key);
  say(state);
  if (state.held && !asked && state.rows.size) update(state);
  else arrange(state);
  return () => { state.stop(); REMEMBERED.delete(component.parentElement); };
}
