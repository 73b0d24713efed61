// The header of an instance page: id, status, times, and what the instance waits for.

function fact(name, ...value) {
  return element("div", {}, element("dt", { class: "muted" }, name), element("dd", {}, ...value));
}

function time(ms) {
  return element("time", { title: ZONED.format(ms) }, CLOCK.format(ms));
}

// Returns a link to an instance. This Flowdeck has no page for an instance of another application.
function linkTo({ id, href, app }) {
  const name = element("span", { class: "mono" }, id);
  return href ? pageLink({ href }, name) : element("span", {}, name, ` in application ${app}`);
}

function otherRuns({ earlier, later, allRuns }) {
  return [[earlier, "← earlier"], [later, "later →"], [allRuns, "all"]]
    .filter(([href]) => href)
    .map(([href, words]) => pageLink({ href }, words));
}

// Returns the number of children as a link to them; a single child is a link to its own page.
function childLinks({ count, href, only, remote }) {
  const links = [];
  if (href) links.push(pageLink({ href, class: only ? "mono" : null }, only ?? String(count)));
  if (remote) links.push(element("span", { class: "muted" }, `${count ? " + " : ""}${remote} in another application`));
  return links;
}

// Returns links to other sites, which open in a new tab and learn nothing of this page.
function linksElsewhere(links) {
  return links.map(([name, href]) => element("a", { href, target: "_blank", rel: "noopener noreferrer" }, `${name} ↗`));
}

// A button that copies the address of this run.
function linkButton(href) {
  const words = "Copy the link to this page";
  return copyButton(new URL(href, document.baseURI).href, words, "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.8.8 M9.2 6.8a2.6 2.6 0 0 0-3.7 0l-2.2 2.2a2.6 2.6 0 0 0 3.7 3.7l.8-.8");
}

function facts(data, ticking) {
  const shown = [];
  shown.push(fact("Workflow", element("span", {}, data.workflow || "not started yet")));
  if (data.scheduled !== null && data.started === null) shown.push(fact("Starts", time(data.scheduled), ticking.until(data.scheduled)));
  else if (data.started !== null) shown.push(fact("Started", time(data.started)));
  else shown.push(fact("Created", time(data.start)));
  if (data.ended !== null) shown.push(fact("Ended", time(data.ended)));
  if (data.started !== null) shown.push(fact("Duration", data.ended === null ? ticking.since(data.started) : duration(data.ended - data.started),
    data.comparison ? element("span", { class: "comparison muted" }, ` ${data.comparison}`) : null));
  if (data.waits) shown.push(fact("Step", data.waits, ticking.wait(data)));
  if (data.suspended !== null) shown.push(fact("Suspended", time(data.suspended), pauser(data)));
  if (data.stalled) shown.push(fact("Stalled", element("span", { class: "stalled" }, data.stalled)));
  if (data.version) shown.push(fact("Version", data.version));
  if (data.patches) shown.push(fact("Patches", data.patches));
  if (data.custom) shown.push(fact("Custom status", element("span", { class: "custom", title: data.custom }, data.custom)));
  if (data.parent) shown.push(fact("Parent", linkTo(data.parent)));
  if (data.rerunOf) shown.push(fact("Rerun of", linkTo(data.rerunOf)));
  if (data.children) shown.push(fact("Children", ...childLinks(data.children)));
  if (data.reruns) shown.push(fact("Reruns", pageLink({ href: data.reruns.href }, data.reruns.count)));
  const others = otherRuns(data);
  if (others.length) shown.push(fact("Other runs", ...others));
  if (data.elsewhere.length) shown.push(fact("Elsewhere", ...linksElsewhere(data.elsewhere)));
  if (data.purged !== null) shown.push(fact("Purged from the engine", time(data.purged)));
  return shown;
}

// A symbol of the status for the title of the tab, which shows no icon.
const SYMBOLS = { PENDING: "◷", RUNNING: "▶", SUSPENDED: "⏸", COMPLETED: "✓", FAILED: "✕", STALLED: "✕", TERMINATED: "■" };

function showComponent(component) {
  const { data } = component;
  document.title = `${SYMBOLS[data.status] ?? "?"} ${data.id} · Flowdeck`;
  const state = stateOf(component, () => {
    const made = { root: element("div", { class: "widget header" }), shown: "", ticks: [] };
    made.stop = everySecond(() => made.ticks.forEach((tick) => tick()));
    return made;
  });
  const now = clockOf(data.now);
  const { now: _, ...rest } = data;
  const shown = JSON.stringify(rest);
  if (shown !== state.shown) {
    state.shown = shown;
    state.ticks = [];
    const ticked = (text) => {
      const span = element("span", { class: "ticking" });
      const tick = () => { span.textContent = text(); };
      state.ticks.push(tick);
      tick();
      return span;
    };
    const ticking = {
      since: (ms) => ticked(() => growing(now() - ms)),
      until: (ms) => ticked(() => ` · ${ahead(ms - now())}`),
      wait: (data) => ticked(() => untilWords(data, now())),
    };
    state.root.replaceChildren(
      element("div", { class: "title" }, element("h1", { title: data.id }, data.id), copyButton(data.id), linkButton(data.link), badge(data.status),
        data.isEarlier ? element("span", { class: "muted" }, "earlier run") : null),
      element("dl", {}, ...facts(data, ticking)),
      ...(data.fault === null ? [] : [element("p", { class: "fault", role: "alert" }, data.fault)]));
  }
}
