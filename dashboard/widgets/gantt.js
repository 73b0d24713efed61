// The Gantt chart. It calls Plotly directly, which redraws in place, so that zoom and hover survive
// while bars grow. Python sends times in milliseconds since 1970 (UTC); they are drawn in the time
// zone of the viewer. The bars of a trace with `meta.open` end now.

// Plotly has no time zones: it gets the viewer's wall-clock time as text.
function wallClock(ms) {
  return new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE).toISOString().slice(0, -1);
}

function colours(parent) {
  const style = getComputedStyle(parent.host ?? parent);
  return (value) => typeof value === "string" && value.startsWith("--") ? style.getPropertyValue(value).trim() : value;
}

const SHORTEST_AXIS = 5 * SECOND; // shorter ones would change several times a second
const AXIS_STEP = 1.25; // factor between two lengths: the bars fill four fifths of a new axis

// Returns the length of the axis of a running instance. It grows in steps, so that the bars grow on a
// fixed axis in between.
function axisLength(elapsed) {
  const steps = Math.log(elapsed * 1.03 / SHORTEST_AXIS) / Math.log(AXIS_STEP);
  return SHORTEST_AXIS * AXIS_STEP ** Math.max(0, Math.ceil(steps));
}

// Returns the end of the axis of a running instance: the latest end of its closed bars and baselines,
// but at least one and at most two lengths after the start.
function axisEnd(traces, start, length) {
  const ends = traces.flatMap((trace) => trace.meta.open ? [] : trace.base.map((from, index) => from + trace.x[index]));
  return Math.max(start + length, Math.min(start + 2 * length, Math.max(start, ...ends)));
}

function plotlyTrace(trace, now, colour) {
  const base = trace.base.map(wallClock);
  const x = trace.meta.open ? trace.base.map((start) => Math.max(0, now - start)) : trace.x;
  const { color, pattern } = trace.marker;
  const marker = { ...trace.marker, color: colour(color), pattern: pattern && { ...pattern, fgcolor: colour(pattern.fgcolor) },
    line: { ...trace.marker.line, color: colour(trace.marker.line?.color) } };
  return { ...trace, base, x, marker };
}

const NARROW = 560; // pixels: a narrower chart has shorter names and no labels at its right

function isNarrow(state) {
  return state.chart.clientWidth < NARROW;
}

// Draws again when the chart becomes narrow or wide: Plotly alone would only stretch it.
function watchWidth(state) {
  const sizes = new ResizeObserver(() => {
    if (state.narrow !== undefined && state.narrow !== isNarrow(state)) redraw(state);
  });
  sizes.observe(state.chart);
  return () => sizes.disconnect();
}

function layoutOf(state, now, colour) {
  const { layout, start, end } = state.data.figure;
  const last = end ?? axisEnd(state.data.figure.traces, start, axisLength(now - start));
  const margin = Math.max(1, (last - start) * 0.01);
  const text = colour("--st-text-color"), grid = colour("--st-border-color");
  const xaxis = { ...layout.xaxis, gridcolor: grid, linecolor: grid, tickcolor: grid };
  if (!state.zoomed) { xaxis.range = [wallClock(start - margin), wallClock(last + margin)]; xaxis.autorange = false; }
  else xaxis.range = state.zoomed;
  const narrow = state.narrow = isNarrow(state);
  if (narrow) xaxis.nticks = 4;
  return { ...layout, xaxis, yaxis: { ...layout.yaxis, ticktext: names(state, narrow), linecolor: grid },
    font: { ...layout.font, color: text, family: colour("--st-font") },
    margin: { ...layout.margin, r: narrow ? 12 : layout.margin.r },
    annotations: narrow ? [] : layout.annotations,
    hoverlabel: { bgcolor: colour("--st-secondary-background-color"), bordercolor: grid, font: { color: text }, align: "left" } };
}

// Returns the names of the rows, shortened so that they take at most a third of a narrow page, with the
// number of attempts.
function names(state, narrow) {
  const { names, attempts } = state.data.figure;
  return names.map((name, row) => {
    const note = attempts[row] < 2 ? "" : narrow ? ` ${attempts[row]}×` : ` · ${attempts[row]} attempts`;
    const limit = narrow ? 14 - note.length : 34;
    return escaped((name.length > limit ? `${name.slice(0, limit - 1)}…` : name) + note);
  });
}

function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

const DOUBLE = 500; // milliseconds between the two presses of a double click
const CLOSE = 6; // pixels between them
const DRAG = 10 * SECOND; // the longest drag; a context menu may hide from the page that a button was released

// Plotly forgets the first click of a double click if the chart is redrawn before the second one, and it
// measures when a busy page handles the clicks. Therefore the presses are compared here, by the times at
// which the browser received them, and the chart is not redrawn while a click or a drag may continue.
function watchPresses(state) {
  const pressed = (event) => {
    state.pressed = true;
    state.quietUntil = performance.now() + DRAG;
    if (!event.target.closest(".draglayer")) return;
    state.presses = [state.presses.at(-1), event];
    if (areClose(state) && event.timeStamp - state.presses[0].timeStamp < DOUBLE) reset(state);
  };
  const clicked = (event) => { if (event.detail === 2 && areClose(state)) reset(state); };
  const released = () => {
    if (!state.pressed) return;
    state.pressed = false;
    state.quietUntil = state.presses.length ? performance.now() + DOUBLE : 0;
    if (state.waiting) redraw(state);
  };
  state.chart.addEventListener("pointerdown", pressed, true);
  state.chart.addEventListener("mousedown", clicked, true); // the browser has counted the clicks
  const ends = ["pointerup", "pointercancel"];
  for (const name of ends) addEventListener(name, released, true);
  return () => ends.forEach((name) => removeEventListener(name, released, true));
}

function areClose({ presses: [first, second] }) {
  return Boolean(first && second) && Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY) < CLOSE;
}

// Shows the whole chart again.
function reset(state) {
  state.presses = [];
  state.zoomed = null;
  redraw(state);
}

// Plotly's default buttons include one that uploads the chart to a cloud service.
const BUTTONS = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"];
const CONFIG = { displaylogo: false, responsive: true, doubleClick: false, modeBarButtons: [BUTTONS] };

async function draw(state) {
  const Plotly = await plotly(state.data.plotly);
  if (!state.chart.isConnected) return;
  const colour = colours(state.parent), now = state.now();
  await Plotly.react(state.chart, state.data.figure.traces.map((trace) => plotlyTrace(trace, now, colour)),
    layoutOf(state, now, colour), { ...CONFIG, displayModeBar: state.coarse ? false : "hover" });
  if (!state.listening) listen(state);
}

// Runs after every change, so that a chart that failed to draw appears at the next try.
function redraw(state) {
  clearTimeout(state.waiting);
  state.waiting = null;
  const quiet = state.quietUntil - performance.now();
  if (quiet > 0) state.waiting = setTimeout(() => redraw(state), Math.min(quiet, DOUBLE));
  else draw(state).catch((error) => { if (!state.ended) state.legend.textContent = error.message; });
}

function listen(state) {
  state.listening = true;
  state.chart.on("plotly_relayout", (change) => {
    if (change["xaxis.autorange"]) { state.zoomed = null; redraw(state); }
    else if ("xaxis.range[0]" in change) {
      state.zoomed = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      state.presses = []; // a press that zoomed is not the first of a double click
    }
  });
  state.chart.on("plotly_hover", () => { state.hovered = true; });
  state.chart.on("plotly_unhover", () => { state.hovered = false; });
}

function legend(state) {
  const colour = colours(state.parent);
  state.legend.replaceChildren(...state.data.figure.legend.map(([name, tone, pattern]) => {
    const swatch = element("span", { class: `swatch ${pattern}` });
    swatch.style.setProperty("--tone", colour(tone));
    return element("span", { class: "entry" }, swatch, name);
  }));
}

function showComponent(component) {
  const { parentElement, data } = component;
  const state = stateOf(component, () => {
    const chart = element("div", { class: "chart" }), key = element("div", { class: "legend muted" });
    const root = element("div", { class: "widget gantt", role: "img" }, key, element("div", { class: "scroll" }, chart));
    const made = { parent: parentElement, root, chart, legend: key, zoomed: null, presses: [], pressed: false, quietUntil: 0, coarse: matchMedia("(pointer: coarse)").matches };
    const stopTimer = everySecond(() => made.data.figure.end === null && !made.hovered && redraw(made));
    const stopPresses = watchPresses(made), stopWidth = watchWidth(made);
    made.stop = () => {
      made.ended = true; // a drawing may be in progress
      clearTimeout(made.waiting);
      stopTimer();
      stopPresses();
      stopWidth();
      window.Plotly?.purge(chart);
    };
    return made;
  });
  if (state.data && state.data.id !== data.id) state.zoomed = null;
  state.data = data;
  state.now = clockOf(data.now);
  state.root.setAttribute("aria-label", data.alt);
  state.chart.style.height = `${data.figure.layout.height}px`;
  legend(state);
  redraw(state);
}
