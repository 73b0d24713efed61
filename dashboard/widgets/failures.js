// The failure groups. It is a widget because a click on a button must reach the group of its row, even if the rows have moved.

function markForm(state, group) {
  const note = element("input", { type: "text", maxlength: 500, placeholder: "Note, such as a ticket (optional)", "aria-label": `Note on ${group.step}` });
  const close = () => { state.open = null; show(state); };
  const form = element("form", { class: "mark", onsubmit: (event) => {
    event.preventDefault();
    state.setTriggerValue("mark", { group: group.id, note: note.value.trim() });
    close();
  } }, note, element("button", { type: "submit" }, "Mark as known"), element("button", { type: "button", onclick: close }, "Cancel"));
  form.addEventListener("keydown", ({ key }) => key === "Escape" && close());
  setTimeout(() => note.focus());
  return form;
}

// The form is made once: an update must not delete what is typed.
function open(state, group) {
  state.open = group.id;
  state.form = markForm(state, group);
  show(state);
}

function knownWords(state, { id, known }) {
  const words = `Marked as known by ${known.by}, ${CLOCK.format(known.at)}${known.note ? `: ${known.note}` : ""}`;
  return element("div", { class: "known muted" }, element("span", {}, words),
    element("button", { type: "button", onclick: () => state.setTriggerValue("mark", { group: id, note: null }) }, "Undo"));
}

function row(state, group) {
  const last = timed(element("time", { title: ZONED.format(group.last) }), () => age(state.now() - group.last));
  const title = [element("strong", {}, `${group.step} failed: ${group.errorType}`), group.isNew ? element("span", { class: "new" }, "new") : null];
  const of = group.workflows.length ? `in ${group.workflows.join(", ")}` : "no run failed because of it in this period";
  return element("li", { "data-group": group.id, "data-key": group.id, class: group.known ? "is-known" : "" },
    element("div", { class: "what" },
      group.href ? pageLink({ href: group.href }, ...title) : element("span", {}, ...title),
      element("span", { class: "message mono", title: group.message }, group.message || "no message"),
      element("span", { class: "muted" }, `${of} · first ${CLOCK.format(group.first)}`),
      group.known ? knownWords(state, group) : null,
      group.isOpen ? state.form : element("div", { class: "actions" },
        group.rerunHref && pageLink({ href: group.rerunHref, class: "rerun", title: "Shows first which runs, at which pace, and when it stops" }, "Rerun the group…"),
        group.known ? null : element("button", { type: "button", onclick: () => open(state, group) }, "Mark as known…"))),
    element("div", { class: "trend" }, sparkline({ values: group.trend, unit: "runs" }, `Failed runs in the ${group.period}`)),
    element("dl", {},
      element("div", {}, element("dd", {}, group.runs.toLocaleString("en")), element("dt", { class: "muted" }, "runs")),
      element("div", {}, element("dd", {}, group.attempts.toLocaleString("en")), element("dt", { class: "muted" }, "attempts")),
      element("div", {}, element("dd", {}, last), element("dt", { class: "muted" }, "last"))));
}

function show(state) {
  const { groups, period } = state.data;
  setRows(state.list, groups.map((group) => ({ ...group, period, isOpen: state.open === group.id })), (group) => row(state, group));
  state.empty.hidden = groups.length > 0;
  state.list.hidden = groups.length === 0;
  state.empty.textContent = `Nothing failed in the ${period}.`;
}

function showComponent(component) {
  const state = stateOf(component, () => {
    const list = element("ul", {}), empty = element("p", { class: "calm", hidden: true }), root = element("div", { class: "widget failures" }, list, empty);
    return { root, list, empty, open: null, form: null, stop: everySecond(() => tickTexts(root)) };
  });
  state.data = component.data;
  state.setTriggerValue = component.setTriggerValue;
  state.now = clockOf(component.data.now);
  show(state);
}
