// The entries of the audit log, the newest first. It is a widget because its links open pages without loading the app again, and
// because each row becomes a card on a phone. A column without a value in any row is left out.

const OUTCOMES = { done: "green", unchanged: "gray", refused: "orange", unknown: "red" };

function word(status) {
  return (STATUSES[status] ?? STATUSES.UNKNOWN)[0];
}

function change({ before, after }) {
  if (!before && !after) return [];
  if (before === after || !after) return [word(before)];
  if (!before) return [element("span", { class: "muted" }, "→ "), word(after)];
  return [word(before), element("span", { class: "muted" }, " → "), word(after)];
}

function action(row) {
  return [row.action, row.job && pageLink({ href: row.job, class: "job", "aria-label": `The bulk job of ${row.action} ${row.id}` }, "bulk job")];
}

function why({ reason, message }) {
  return [reason && element("span", { class: "text", title: reason }, `“${reason}”`),
    message && element("span", { class: "text muted", title: message }, message)];
}

function instance({ id, href }) {
  return [href ? pageLink({ href, class: "mono text", title: id }, id) : element("span", { class: "text", title: id }, id)];
}

const COLUMNS = [
  ["Time", "time", ({ at }) => [element("time", { title: ZONED.format(at) }, CLOCK.format(at))], () => true],
  ["Who", "who", ({ who }) => [who], () => true],
  ["Action", "action", action, () => true],
  ["Instance", "instance", instance, (_, { withInstance }) => withInstance],
  ["Status", "change", change, ({ before, after }) => before || after],
  ["Outcome", "outcome", ({ outcome }) => [element("span", { class: `badge ${OUTCOMES[outcome]}` }, outcome)], () => true],
  ["Reason and message", "why", why, ({ reason, message }) => reason || message],
];

function table(data) {
  const shown = COLUMNS.filter(([, , , has]) => data.rows.some((row) => has(row, data)));
  const head = element("tr", {}, ...shown.map(([name, kind]) => element("th", { scope: "col", class: kind }, name)));
  const lines = data.rows.map((row) => element("tr", { "data-key": `${row.at} ${row.action} ${row.id}`, "data-id": row.id },
    ...shown.map(([, kind, cells]) => element("td", { class: kind }, ...cells(row).filter(Boolean)))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
}

// Keeps the keyboard focus on a link whose row is made anew.
function keepFocus(root, update) {
  const focused = root.getRootNode().activeElement, line = focused?.closest?.("tr[data-key]");
  const index = line ? [...line.querySelectorAll("a")].indexOf(focused) : -1;
  update();
  if (index < 0) return;
  root.querySelector(`tr[data-key="${CSS.escape(line.dataset.key)}"]`)?.querySelectorAll("a")[index]?.focus({ preventScroll: true });
}

function showComponent(component) {
  const state = stateOf(component, () => ({ root: element("div", { class: "widget audit" }), shown: "" }));
  const { data } = component, shown = JSON.stringify(data);
  if (shown === state.shown) return;
  state.shown = shown;
  const [title, text] = data.empty;
  keepFocus(state.root, () => state.root.replaceChildren(data.rows.length
    ? table(data)
    : element("p", { class: "empty" }, element("strong", {}, title), element("span", { class: "muted" }, text))));
}
