// The entries of the audit log, the newest first. It is a widget because its links open pages without loading the app again, and
// because each row becomes a card on a phone. A column without a value in any row is left out.

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

function instance(row) {
  return [instanceLink(row, { class: row.href || row.app ? "mono text" : "text" })];
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

function line({ columns, ...row }) {
  const shown = COLUMNS.filter(([name]) => columns.includes(name));
  return element("tr", { "data-key": `${row.at} ${row.action} ${row.id}`, "data-id": row.id },
    ...shown.map(([, kind, cells]) => element("td", { class: kind }, ...cells(row).filter(Boolean))));
}

function showComponent(component) {
  const state = stateOf(component, () => {
    const head = element("tr"), body = element("tbody"), table = element("table", {}, element("thead", {}, head), body), empty = element("p", { class: "empty" });
    return { root: element("div", { class: "widget audit" }, table, empty), head, body, table, empty };
  });
  const { data } = component, [title, text] = data.empty;
  const shown = COLUMNS.filter(([, , , has]) => data.rows.some((row) => has(row, data)));
  setRows(state.head, shown.map(([name, kind]) => [name, kind]), ([name, kind]) => element("th", { scope: "col", class: kind }, name));
  setRows(state.body, data.rows.map((row) => ({ ...row, columns: shown.map(([name]) => name) })), line);
  state.table.hidden = data.rows.length === 0;
  state.empty.hidden = data.rows.length > 0;
  state.empty.replaceChildren(element("strong", {}, title), element("span", { class: "muted" }, text));
}
