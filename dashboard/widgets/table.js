// The table of runs. Each button carries the id of its row, so that a click acts on that instance
// even if the row has moved. While the pointer is over the table its rows do not move: they are
// updated in place, and a button announces new rows.

const COLUMNS = ["Select", "Status", "Instance", "Step", "Started", "Duration", "Actions"];
const SORTS = { Status: ["status", "status_ascending"], Instance: ["id", "id_descending"], Started: ["newest", "oldest"], Duration: ["longest", "shortest"] }; // the first click, the second one
const ASCENDING = ["id", "oldest", "shortest", "status_ascending"];
const TIMES = "flowdeck-absolute-times"; // in the browser's storage: whether the list shows times instead of ages
const BULK_ACTIONS = [["pause", "Pause"], ["resume", "Resume"], ["terminate", "Terminate"], ["rerun", "Rerun"], ["raise", "Raise event"], ["purge", "Purge"]];
const CLICK_TIMEOUT = 6000; // milliseconds; a click that is not acknowledged by then may be lost
const UNFREEZE_DELAY = 500; // milliseconds after the pointer has left, as it may only cross the edge of the table
const REMOUNT = 2000; // milliseconds within which Streamlit mounts the table anew

let left = null; // the control that last lost the focus to none: its row, tag and name, and when

function create() {
  const fresh = element("button", { class: "fresh", hidden: true });
  const all = element("input", { type: "checkbox", "aria-label": "Select all on this page" });
  const heads = {}, clock = element("button", { type: "button", class: "clock", title: "Show dates and times instead of ages", "aria-label": "Show dates and times instead of ages" }, icon(STATUSES.PENDING[2]));
  const head = element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col", class: name.toLowerCase() },
    name === "Select" ? all : SORTS[name] ? heads[name] = element("button", { type: "button", class: "sort" }, name, element("span", { "aria-hidden": "true" })) : name,
    name === "Started" ? clock : null)));
  const body = element("tbody");
  const table = element("table", { tabindex: "-1", "aria-label": "Instances" }, element("thead", {}, head), body);
  const empty = element("div", { class: "empty", hidden: true });
  const bulk = element("div", { class: "bulk", role: "region", "aria-label": "Bulk actions", hidden: true });
  const root = element("div", { class: "widget instances" }, bulk, fresh, table, empty);
  const state = { root, heads, clock, bulk, all, selected: new Map(), isEvery: false, fresh, table, body, empty, rows: new Map(), clicks: 0, pending: new Map(), lost: new Map(), frozen: false };
  // If the table appears under a resting pointer, the browser reports a move of no distance.
  root.addEventListener("pointermove", ({ movementX, movementY }) => { if (movementX || movementY) freeze(state); });
  root.addEventListener("pointerleave", () => unfreeze(state));
  root.addEventListener("focusin", ({ target }) => { if (target !== table) freeze(state); });
  root.addEventListener("focusout", ({ target, relatedTarget }) => {
    left = relatedTarget ? null : { key: target.closest("[data-key]")?.dataset.key ?? "", tag: target.tagName, name: focusName(target), at: Date.now() };
    unfreeze(state);
  });
  all.addEventListener("change", () => {
    state.selected.clear();
    for (const { data, box } of state.rows.values()) if (box) { box.checked = all.checked; select(state, data, all.checked); }
    showBulk(state);
  });
  fresh.addEventListener("click", () => { fresh.blur(); arrange(state); });
  for (const [name, button] of Object.entries(heads)) button.addEventListener("click", () => sort(state, name));
  clock.addEventListener("click", () => { storeTimes(!showsTimes(state)); showTimes(state); tick(state); });
  showTimes(state);
  const stopTimer = everySecond(() => tick(state)), stopShortcuts = shortcuts(state);
  state.stop = () => { stopTimer(); stopShortcuts(); };
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

function sort(state, name) {
  const [first, second] = SORTS[name];
  state.setTriggerValue("sort", { sort: state.data.sort === first ? second : first });
}

function showSort(state) {
  const { sort } = state.data;
  for (const [name, button] of Object.entries(state.heads)) {
    const isSorted = SORTS[name].includes(sort), ascends = ASCENDING.includes(sort);
    button.lastChild.textContent = isSorted ? (ascends ? " ↑" : " ↓") : "";
    if (isSorted) button.parentElement.setAttribute("aria-sort", ascends ? "ascending" : "descending");
    else button.parentElement.removeAttribute("aria-sort");
  }
}

function showsTimes({ clock }) {
  return clock.getAttribute("aria-pressed") === "true";
}

function showTimes({ root, clock }) {
  let wanted = false;
  try { wanted = localStorage.getItem(TIMES) === "1"; } catch { /* the browser keeps nothing for this site */ }
  clock.setAttribute("aria-pressed", String(wanted));
  root.classList.toggle("absolute", wanted);
}

function storeTimes(wanted) {
  try { localStorage.setItem(TIMES, wanted ? "1" : "0"); } catch { /* the browser keeps nothing for this site */ }
}

// Shows or hides the children of a run; they come with the next data.
function fold(state, data) {
  const open = state.data.rows.filter(({ fold }) => fold === "unfolded").map(({ key }) => key);
  const runs = open.includes(data.key) ? open.filter((key) => key !== data.key) : [...open, data.key];
  state.setTriggerValue("unfold", { list: state.data.list, runs });
}

function foldButton(state, data) {
  const isOpen = data.fold === "unfolded";
  return element("button", { type: "button", class: "fold", "aria-expanded": String(isOpen), "aria-label": `Children of ${data.id}`,
    title: isOpen ? "Hide the children" : "Show the children", onclick: () => fold(state, data) }, icon(isOpen ? "M4 6l4 4l4-4" : "M6 4l4 4l-4 4"));
}

function workflowLink({ data: { query } }, name) {
  const href = `instances?${query}${query && "&"}workflow=${encodeURIComponent(name)}`;
  return pageLink({ href, class: "workflow muted", "data-focus": "workflow", title: `${name}: show only this workflow` }, name);
}

function select(state, data, isSelected) {
  if (isSelected) state.selected.set(data.key, data.id);
  else state.selected.delete(data.key);
  state.isEvery = false;
}

// Shows the number of selected runs, and a link for each bulk action to the page that shows its effects first.
function showBulk(state) {
  const { selected, data: { bulk: { query, total } } } = state;
  const selectable = [...state.rows.values()].filter(({ box }) => box).length;
  state.all.checked = selectable > 0 && selected.size === selectable;
  state.all.indeterminate = selected.size > 0 && selected.size < selectable;
  state.bulk.hidden = selected.size === 0;
  const shown = JSON.stringify([[...selected], state.isEvery, query, total]);
  if (!selected.size || state.bulkShown === shown) return; // else the focus would be lost
  state.bulkShown = shown;
  const ids = new URLSearchParams({ selected: JSON.stringify([...selected]) });
  const of = state.isEvery ? query : ids;
  const every = element("button", { type: "button", class: "every", onclick: () => { state.isEvery = !state.isEvery; showBulk(state); } },
    state.isEvery ? "Only the selected ones" : `All ${total} that match`);
  const clear = element("button", { type: "button", "aria-label": "Clear the selection", onclick: () => {
    state.selected.clear();
    for (const { box } of state.rows.values()) if (box) box.checked = false;
    showBulk(state);
  } }, "Clear");
  state.bulk.replaceChildren(
    element("strong", {}, state.isEvery ? `All ${total} that match` : `${selected.size} selected`), every,
    ...BULK_ACTIONS.map(([action, word]) => pageLink({ href: `bulk?action=${action}&${of}`, class: "action" }, `${word}…`)), clear);
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
  const shown = JSON.stringify([data, state.pending.get(data.key) ?? null, lost, state.data.away, state.data.query]);
  if (row.shown === shown) return;
  row.shown = shown;
  const { cells } = row;
  row.line.dataset.id = data.id;
  if (row.box && !data.selectable) {
    row.box = null;
    state.selected.delete(data.key);
    cells.Select.replaceChildren();
  } else if (!row.box && data.selectable) {
    row.box = element("input", { type: "checkbox", "aria-label": `Select ${data.id}`, onchange: () => {
      select(state, row.data, row.box.checked);
      showBulk(state);
    } });
    cells.Select.replaceChildren(row.box);
  }
  cells.Status.replaceChildren(badge(data.status));
  row.line.classList.toggle("child", Boolean(data.isChild));
  keepFocus(state.root, () => cells.Instance.replaceChildren(element("span", { class: "name" },
    data.fold ? foldButton(state, data) : null,
    pageLink({ href: data.href, class: "id", "data-focus": "id", title: data.id }, data.id), copyButton(data.id),
    data.workflow ? workflowLink(state, data.workflow) : element("span", { class: "workflow muted" }, "not started yet"),
    data.allHref ? pageLink({ href: data.allHref, class: "all" }, data.all) : null)));
  const step = data.failure ?? (data.repeats ? `repeats ${data.repeats}` : data.waits ?? "");
  row.step = element("span", { title: data.failure ?? data.fault ?? step, class: data.failure || data.repeats ? "step failure" : "step" }, step);
  row.until = element("span", { class: "muted until" });
  row.suspended = element("span", { class: "muted suspended", title: data.suspended === null ? "" : ZONED.format(data.suspended) + pauser(data) });
  keepFocus(state.root, () => cells.Step.replaceChildren(lost ? lostClick(state, data, lost) : element("div", { class: "line" }, row.step, row.until, row.suspended)));
  row.since = element("time", { title: ZONED.format(data.start) });
  cells.Started.replaceChildren(row.since);
  row.duration = element("span", {});
  cells.Duration.replaceChildren(row.duration);
  keepFocus(state.root, () => cells.Actions.replaceChildren(...actions(state, row, data)));
  tickRow(state, row);
}

// Returns the buttons of a row, and for a phone the button that shows them as a menu.
function actions(state, row, data) {
  if (!data.actions.length) return [];
  const more = element("button", { type: "button", class: "more", "aria-label": `Actions of ${data.id}`, "aria-expanded": "false" }, "⋮");
  const items = element("span", { class: "items" }, ...data.actions.map((name) => button(state, data, name)));
  const open = (isOpen) => { items.classList.toggle("open", isOpen); more.setAttribute("aria-expanded", String(isOpen)); row.isOpen = isOpen; };
  more.addEventListener("click", () => open(!row.isOpen));
  items.addEventListener("click", () => open(false));
  for (const each of [more, items]) {
    each.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !row.cells.Actions.contains(relatedTarget)) open(false); });
    each.addEventListener("keydown", ({ key }) => { if (key === "Escape") { open(false); more.focus(); } });
  }
  open(Boolean(row.isOpen));
  return [more, items];
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
  row.since.textContent = showsTimes(state) ? CLOCK.format(data.start) : data.start > now ? ahead(data.start - now) : age(now - data.start);
  row.duration.textContent = data.started === null ? "–"
    : data.ended === null ? growing(now - data.started) : duration(data.ended - data.started);
  row.suspended.textContent = data.suspended === null ? ""
    : `suspended ${age(now - data.suspended)}${pauser(data)}`;
  row.until.textContent = data.ended !== null ? "" : untilWords(data, now);
}

// Adds, removes and sorts the rows to match the data.
function arrange(state) {
  const wanted = new Set(state.data.rows.map((data) => data.key));
  for (const [key, row] of state.rows) {
    if (!wanted.has(key)) { row.line.remove(); state.rows.delete(key); state.selected.delete(key); }
  }
  state.data.rows.forEach((data, index) => {
    if (!state.rows.has(data.key)) state.rows.set(data.key, makeRow(state, data.key));
    const row = state.rows.get(data.key);
    fill(state, row, data);
    const current = state.body.children[index];
    if (current !== row.line) state.body.insertBefore(row.line, current ?? null);
  });
  announce(state, 0);
  showBulk(state);
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
  const before = state.data, { data } = component;
  const listChanged = before && before.list !== data.list, viewChanged = listChanged || (before && before.page !== data.page);
  const foldChanged = before && String(before.unfolded) !== String(data.unfolded);
  state.data = component.data;
  state.setTriggerValue = component.setTriggerValue;
  state.now = clockOf(component.data.now);
  for (const clicks of [state.pending, state.lost]) {
    for (const [key, { click }] of clicks) if (component.data.handled.includes(click)) clicks.delete(key);
  }
  showEmptyText(state);
  showSort(state);
  if (viewChanged) state.selected.clear();
  if (state.frozen && !viewChanged && !foldChanged && state.rows.size) update(state);
  else arrange(state);
  if (viewChanged) for (const { box } of state.rows.values()) if (box) box.checked = false;
  showBulk(state);
  if (viewChanged && !listChanged) showTop(state);
  if (!before) returnFocus(state);
}

// Streamlit removes the table for a moment if a click follows a live update at once. The focus returns to where it was.
function returnFocus({ root }) {
  if (!left || Date.now() - left.at > REMOUNT || document.activeElement !== document.body) return;
  const controls = root.querySelectorAll(`[data-key="${CSS.escape(left.key)}"] ${left.tag}`);
  [...controls].find((each) => focusName(each) === left.name)?.focus({ preventScroll: true });
}

// Shows the first row after another page of the list was opened.
function showTop({ root, table }) {
  root.scrollIntoView({ block: "start" });
  table.focus({ preventScroll: true });
}
