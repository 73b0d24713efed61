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

function otherRuns({ earlier, later }) {
  return [[earlier, "← earlier"], [later, "later →"]]
    .filter(([href]) => href)
    .map(([href, words]) => pageLink({ href }, words));
}

// Copies a text to the clipboard; returns whether that succeeded.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelecting(text);
  }
}

// Browsers have no `navigator.clipboard` over plain http, except on localhost.
function copyBySelecting(text) {
  const area = element("textarea", { readonly: true, "aria-hidden": "true" });
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}

const COPIED_TIME = 1200; // milliseconds for which the button shows that it has copied

function copyButton(id) {
  const button = element("button", { class: "copy", title: "Copy the id", "aria-label": "Copy the id", onclick: async () => {
    const copied = await copy(id);
    button.focus({ preventScroll: true });
    if (!copied) return;
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), COPIED_TIME);
  } }, icon("M5.6 5.6h7v7h-7z M3.4 10.4v-7h7"));
  return button;
}

function facts(data, ticking) {
  const shown = [];
  shown.push(fact("Workflow", element("span", {}, data.workflow || "not started yet")));
  if (data.scheduled !== null && data.started === null) shown.push(fact("Starts", time(data.scheduled), ticking.until(data.scheduled)));
  else if (data.started !== null) shown.push(fact("Started", time(data.started)));
  else shown.push(fact("Created", time(data.start)));
  if (data.ended !== null) shown.push(fact("Ended", time(data.ended)));
  if (data.started !== null) shown.push(fact("Duration", data.ended === null ? ticking.since(data.started) : duration(data.ended - data.started)));
  if (data.waits) shown.push(fact("Step", data.waits, data.until === null ? "" : ticking.wait(data)));
  if (data.suspended !== null) shown.push(fact("Suspended", time(data.suspended), pauser(data)));
  if (data.stalled) shown.push(fact("Stalled", element("span", { class: "stalled" }, data.stalled)));
  if (data.version) shown.push(fact("Version", data.version));
  if (data.patches) shown.push(fact("Patches", data.patches));
  if (data.custom) shown.push(fact("Custom status", element("span", { class: "custom", title: data.custom }, data.custom)));
  if (data.parent) shown.push(fact("Parent", linkTo(data.parent)));
  if (data.rerunOf) shown.push(fact("Rerun of", linkTo(data.rerunOf)));
  const others = otherRuns(data);
  if (others.length) shown.push(fact("Other runs", ...others));
  if (data.purged !== null) shown.push(fact("Purged from the engine", time(data.purged)));
  return shown;
}

function showComponent(component) {
  const { data } = component;
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
      element("div", { class: "title" }, element("h1", { title: data.id }, data.id), copyButton(data.id), badge(data.status),
        data.isEarlier ? element("span", { class: "muted" }, "earlier run") : null),
      element("dl", {}, ...facts(data, ticking)),
      ...(data.fault === null ? [] : [element("p", { class: "fault", role: "alert" }, data.fault)]));
  }
}
