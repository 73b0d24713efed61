// The newest bulk jobs. It is a widget because its ages grow, and its links open pages without loading the app again.

const WORDS = { running: "Running", waiting: "Waits", cancelling: "Cancelling", cancelled: "Cancelled", stopped: "Stopped", done: "Done" };
const COLOURS = { running: "blue", waiting: "orange", cancelling: "orange", cancelled: "gray", stopped: "red", done: "green" };

function line(state, job) {
  const created = timed(element("time", { class: "muted", title: ZONED.format(job.created) }), () => age(state.now() - job.created));
  const reason = job.reason ? `${job.by}: ${job.reason}` : job.by;
  return element("li", { "data-key": job.id },
    element("span", { class: `badge ${COLOURS[job.status]}` }, WORDS[job.status]),
    element("div", { class: "what" }, pageLink({ href: job.href }, element("strong", {}, job.title)),
      element("span", { class: "muted reason", title: reason }, reason)),
    element("div", { class: "progress" }, element("progress", { value: job.share, max: 1, "aria-label": job.title }), element("span", { class: "muted" }, job.progress)),
    created);
}

function showComponent(component) {
  const { data } = component;
  const state = stateOf(component, () => {
    const list = element("ul"), empty = element("p", { class: "empty" }, element("strong", {}, "No bulk jobs yet"),
      element("span", { class: "muted" }, "Select instances in the list, and choose an action."));
    const root = element("div", { class: "widget jobs" }, list, empty);
    return { root, list, empty, stop: everySecond(() => tickTexts(root)) };
  });
  state.now = clockOf(data.now);
  setRows(state.list, data.jobs, (job) => line(state, job));
  state.list.hidden = data.jobs.length === 0;
  state.empty.hidden = data.jobs.length > 0;
}
