// The newest bulk jobs. It is a widget because its ages grow, and its links open pages without loading the app again.

const WORDS = { running: "Running", waiting: "Waits", cancelling: "Cancelling", cancelled: "Cancelled", stopped: "Stopped", done: "Done" };
const COLOURS = { running: "blue", waiting: "orange", cancelling: "orange", cancelled: "gray", stopped: "red", done: "green" };

function line(job, now, ticks) {
  const created = element("time", { class: "muted", title: ZONED.format(job.created) });
  const tick = () => { created.textContent = age(now() - job.created); };
  ticks.push(tick);
  tick();
  const reason = job.reason ? `${job.by}: ${job.reason}` : job.by;
  return element("li", {},
    element("span", { class: `badge ${COLOURS[job.status]}` }, WORDS[job.status]),
    element("div", { class: "what" }, pageLink({ href: job.href }, element("strong", {}, job.title)),
      element("span", { class: "muted reason", title: reason }, reason)),
    element("div", { class: "progress" }, element("progress", { value: job.share, max: 1, "aria-label": job.title }), element("span", { class: "muted" }, job.progress)),
    created);
}

function showComponent(component) {
  const { data } = component;
  const state = stateOf(component, () => {
    const made = { root: element("div", { class: "widget jobs" }), ticks: [] };
    made.stop = everySecond(() => made.ticks.forEach((tick) => tick()));
    return made;
  });
  state.ticks = [];
  const now = clockOf(data.now);
  state.root.replaceChildren(data.jobs.length
    ? element("ul", {}, ...data.jobs.map((job) => line(job, now, state.ticks)))
    : element("p", { class: "empty" }, element("strong", {}, "No bulk jobs yet"), element("span", { class: "muted" }, "Select instances in the list, and choose an action.")));
}
