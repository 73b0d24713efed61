// The Gantt chart. It calls Plotly directly, which redraws in place, so that zoom and hover survive
// while bars grow. Python sends times in milliseconds since 1970 (UTC); they are drawn in the time
// zone of the viewer. The bars of a trace with `meta.open` end now. The names of the rows are buttons
// beside the chart, so that they can be reached by keyboard; a click on a bar does the same.

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

function plotlyTrace(trace, now, colour) {
  const base = trace.base.map(wallClock);
  const x = trace.meta.open ? trace.base.map((start) => Math.max(0, now - start)) : trace.x;
  const { color, pattern } = trace.marker;
  const marker = { ...trace.marker, color: colour(color), pattern: pattern && { ...pattern, fgcolor: colour(pattern.fgcolor) },
    line: { ...trace.marker.line, color: colour(trace.marker.line?.color) } };
  return { ...trace, base, x, marker };
}

// Returns the time from p50 to p95 of other runs behind each attempt, cut off at the end of the axis:
// a slow p95 must not make the bars slivers. An arrow marks a part that is cut off.
function baselineTraces({ baselines }, last, colour) {
  if (!baselines.length) return [];
  const limit = (ms) => Math.min(ms, last);
  const from = baselines.map(({ start, p50 }) => limit(start + p50));
  const to = baselines.map(({ start, p95 }) => limit(start + p95));
  const cut = baselines.filter(({ start, p95 }) => start + p95 > last);
  const tone = colour("--st-gray-color");
  return [
    { type: "bar", orientation: "h", name: "p50 to p95", hoverinfo: "skip", y: baselines.map(({ row }) => row), width: 0.92,
      base: from.map(wallClock), x: from.map((start, index) => to[index] - start),
      marker: { color: tone, opacity: 0.3, line: { width: 1, color: tone } } },
    { type: "scatter", mode: "markers", name: "cut off", hoverinfo: "skip", x: cut.map(() => wallClock(last)),
      y: cut.map(({ row }) => row), marker: { symbol: "triangle-right", size: 8, color: tone } },
  ];
}

// Returns a marker where an open span is due, or an arrow at the end of an axis that ends before.
function deadlineTrace({ deadlines }, now, last, colour) {
  return { type: "scatter", mode: "markers", name: "deadline", hoverinfo: "text",
    x: deadlines.map(({ at }) => wallClock(Math.min(at, last))), y: deadlines.map(({ row }) => row),
    hovertext: deadlines.map(({ at, words }) => `${words} ${ahead(at - now)}<br>${CLOCK.format(at)}`),
    marker: { symbol: deadlines.map(({ at }) => at > last ? "triangle-right" : "diamond"), size: 10, opacity: 1,
      color: colour("--st-text-color"), line: { width: 1.5, color: colour("--st-background-color") } } };
}

// Returns the rectangle around the bars of the selected span, and the line at which an axis that grows is now.
function shapesOf(state, now, colour) {
  const shapes = [];
  const line = (x) => ({ type: "line", layer: "below", x0: wallClock(x), x1: wallClock(x), yref: "paper", y0: 0, y1: 1,
    line: { color: colour("--st-primary-color"), width: 1, dash: "dot" } });
  if (state.data.figure.end === null) shapes.push(line(now));
  const found = selectedBars(state).map(({ trace, index }) => {
    const start = trace.base[index];
    return { y: Math.round(trace.y[index]), start, end: trace.meta.open ? now : start + trace.x[index] };
  });
  if (found.length) {
    const y = found[0].y, start = Math.min(...found.map((each) => each.start)), end = Math.max(...found.map((each) => each.end));
    shapes.push({ type: "rect", x0: wallClock(start), x1: wallClock(end), y0: y - 0.44, y1: y + 0.44,
      line: { color: colour("--st-text-color"), width: 2 } });
  }
  return shapes;
}

function selectedBars({ selected, data }) {
  if (selected === SELECT) return [];
  return data.figure.traces.flatMap((trace) => trace.meta.actions.flatMap((action, index) => action === selected ? [{ trace, index }] : []));
}

const NARROW = 560; // pixels: a narrower chart has shorter names and no durations at its right
const TOOK = 92; // pixels for the durations

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

function layoutOf(state, now, last, colour) {
  const { layout, start, end } = state.data.figure;
  const margin = Math.max(1, (last - start) * 0.01);
  const text = colour("--st-text-color"), grid = colour("--st-border-color");
  const xaxis = { ...layout.xaxis, gridcolor: grid, linecolor: grid, tickcolor: grid };
  if (!state.zoomed) { xaxis.range = [wallClock(start - margin), wallClock(last + margin)]; xaxis.autorange = false; }
  else xaxis.range = state.zoomed;
  if (state.narrow) xaxis.nticks = 4;
  const isTop = layout.xaxis.side === "top";
  const label = { text: "now", x: wallClock(now), yref: "paper", y: isTop ? 0 : 1, yanchor: isTop ? "top" : "bottom", showarrow: false,
    font: { size: 11, color: text } };
  return { ...layout, xaxis, yaxis: { ...layout.yaxis, linecolor: grid },
    font: { ...layout.font, color: text, family: colour("--st-font") },
    margin: { ...layout.margin, l: state.nameWidth, r: state.narrow ? 12 : TOOK },
    shapes: shapesOf(state, now, colour), annotations: end === null ? [label] : [],
    hoverlabel: { bgcolor: colour("--st-secondary-background-color"), bordercolor: grid, font: { color: text }, align: "left" } };
}

const INDENT = 14, ARROW = 20, GAP = 12; // pixels

// Returns the width of the longest name, but at most about a third of the chart.
function nameWidth(state) {
  state.pen ??= document.createElement("canvas").getContext("2d");
  state.pen.font = `13px ${colours(state.parent)("--st-font") || "sans-serif"}`;
  const hasArrows = hasArrow(state);
  const widths = state.data.figure.rows.map((row) => row.isNote ? 0 : GAP + (hasArrows ? ARROW : 0) + row.depth * INDENT
    + state.pen.measureText(`${row.name}${attemptsWords(row, state.narrow)} ${row.bad ?? ""}`).width * 1.04);
  const width = state.chart.clientWidth;
  return Math.round(Math.min(Math.max(64, ...widths), state.narrow ? width * 0.38 : Math.max(200, width * 0.3)));
}

function hasArrow(state) {
  return state.data.figure.rows.some(({ unfolded, isFanOut }) => isFanOut || typeof unfolded === "boolean");
}

function attemptsWords({ attempts }, isShort) {
  if (!attempts || attempts < 2) return "";
  return isShort ? ` ${attempts}×` : ` · ${attempts} attempts`;
}

const RIGHT = "M6 4l4 4l-4 4", DOWN = "M4 6l4 4l4-4";

function arrangeRows(state) {
  state.narrow = isNarrow(state);
  state.nameWidth = nameWidth(state);
  state.root.classList.toggle("narrow", state.narrow);
  showRows(state);
}

// Makes the names, controls and durations beside the rows again if they have changed; keeps the focus.
function showRows(state) {
  const { rows, row_height: height, layout } = state.data.figure;
  const shown = JSON.stringify([rows, height, layout.margin.t, state.nameWidth, state.narrow, state.data.isMain]);
  if (state.rowsShown !== shown) {
    state.rowsShown = shown;
    const focused = document.activeElement?.dataset?.focus;
    state.ticks = [];
    state.lines = rows.map((row, index) => line(state, row, layout.margin.t + index * height, height));
    state.rows.replaceChildren(...state.lines);
    if (focused) [...state.rows.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focused)?.focus({ preventScroll: true });
  }
  mark(state);
}

function line(state, row, top, height) {
  const style = `top: ${top}px; height: ${height}px`;
  const label = { class: "label", style: `width: ${state.nameWidth}px; padding-left: ${row.depth * INDENT}px` };
  if (row.isNote) return element("li", { class: "row note muted", style }, element("span", { class: "words", style: `padding-left: ${ARROW + row.depth * INDENT}px` }, row.name));
  const isBar = row.action && (state.data.isMain || !row.action.startsWith(SELECT));
  const words = row.isFanOut ? `${row.name}: ${row.words}. Show the calls` : row.name;
  const name = isBar
    ? element("button", { type: "button", class: "name", title: words, "data-focus": row.action, onclick: () => act(state, row.action) }, row.name)
    : element("span", { class: "name", title: words }, row.name);
  const took = element("span", { class: "took" });
  if (row.since !== null && row.since !== undefined) {
    const tick = () => { took.textContent = growing(state.now() - row.since); };
    state.ticks.push(tick);
    tick();
  } else took.textContent = row.duration ?? "";
  if (row.paused) {
    took.append(icon(STATUSES.SUSPENDED[2]));
    took.title = `The run was paused meanwhile, for ${row.paused}.`;
  }
  return element("li", { class: `row${row.isRun ? " run" : ""}`, style },
    element("span", label, arrow(state, row), name,
      row.attempts > 1 ? element("span", { class: "attempts muted" }, attemptsWords(row, state.narrow)) : null,
      row.bad ? element("span", { class: "bad" }, row.bad) : null), took);
}

// Returns the button that unfolds a child, or opens a fan-out; a row without it keeps its place free.
function arrow(state, row) {
  if (row.isFanOut && row.action) return element("button", { type: "button", class: "arrow", tabindex: "-1", "aria-hidden": "true", onclick: () => act(state, row.action) }, icon(RIGHT));
  if (typeof row.unfolded !== "boolean") return !row.isRun && hasArrow(state) ? element("span", { class: "arrow" }) : null;
  const isUnfolded = !row.unfolded;
  return element("button", { type: "button", class: "arrow", "data-focus": `arrow ${row.key}`, "aria-expanded": String(row.unfolded),
    "aria-label": `Steps of ${row.name}`, title: row.unfolded ? "Fold the child" : "Show the steps of the child",
    onclick: () => state.setTriggerValue("unfold", { key: row.key, isUnfolded }) }, icon(row.unfolded ? DOWN : RIGHT));
}

const SELECT = "select:"; // begins the actions that select a span; alone it selects none

// Does the action of a bar or a name. A click on the selected span selects nothing.
function act(state, action) {
  const isSelection = action.startsWith(SELECT);
  if (isSelection && !state.data.isMain) return;
  const next = isSelection && action === state.selected ? SELECT : action;
  if (isSelection) {
    state.selected = next;
    mark(state);
    redraw(state);
  }
  state.setTriggerValue("act", { action: next });
}

// Marks the row of the selected span.
function mark(state) {
  const rows = new Set(selectedBars(state).map(({ trace, index }) => Math.round(trace.y[index])));
  state.lines.forEach((each, index) => {
    each.classList.toggle("selected", rows.has(index));
    each.querySelector(`button.name[data-focus^="${SELECT}"]`)?.setAttribute("aria-pressed", String(rows.has(index)));
  });
}

// Escape closes the selected span, unless it ends something else.
function watchEscape(state) {
  const pressed = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || state.selected === SELECT) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], [role=dialog], [role=listbox]")) return;
    act(state, state.selected);
  };
  addEventListener("keydown", pressed);
  return () => removeEventListener("keydown", pressed);
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
  legend(state);
  redraw(state);
}

// Plotly's default buttons include one that uploads the chart to a cloud service. Its button that resets
// the axes would fix the axis of a running instance.
const BUTTONS = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "toImage"];
const CONFIG = { displaylogo: false, responsive: true, doubleClick: false, modeBarButtons: [BUTTONS] };

async function draw(state) {
  const Plotly = await plotly(state.data.plotly);
  if (!state.chart.isConnected) return;
  const { figure } = state.data, colour = colours(state.parent), now = state.now();
  arrangeRows(state);
  const last = figure.end ?? figure.start + axisLength(now - figure.start);
  const traces = [...baselineTraces(figure, last, colour), ...figure.traces.map((trace) => plotlyTrace(trace, now, colour)),
    deadlineTrace(figure, now, last, colour)];
  await Plotly.react(state.chart, traces, layoutOf(state, now, last, colour), { ...CONFIG, displayModeBar: state.coarse ? false : "hover" });
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
  for (const svg of state.chart.querySelectorAll("svg")) svg.setAttribute("aria-hidden", "true"); // the names and the table say the same
  state.chart.on("plotly_relayout", (change) => {
    if (change["xaxis.autorange"]) reset(state);
    else if ("xaxis.range[0]" in change) {
      state.zoomed = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      state.presses = []; // a press that zoomed is not the first of a double click
      legend(state);
    }
  });
  state.chart.on("plotly_click", ({ points: [point] }) => {
    const action = point?.data.meta?.actions?.[point.pointNumber];
    if (action) act(state, action);
  });
  state.chart.on("plotly_hover", () => { state.hovered = true; });
  state.chart.on("plotly_unhover", () => { state.hovered = false; });
}

function legend(state) {
  const colour = colours(state.parent);
  const entries = state.data.figure.legend.map(([name, tone, pattern]) => {
    const swatch = element("span", { class: `swatch ${pattern}` });
    swatch.style.setProperty("--tone", colour(tone));
    return element("span", { class: "entry" }, swatch, name);
  });
  if (state.data.figure.deadlines.length) entries.push(element("span", { class: "entry" }, element("span", { class: "due" }, "◆"), "deadline"));
  if (state.zoomed) entries.push(element("button", { type: "button", class: "reset", onclick: () => reset(state) }, "Show the whole time"));
  state.legend.replaceChildren(...entries);
}

function tick(state) {
  for (const each of state.ticks) each();
  if (state.data.figure.end === null && !state.hovered) redraw(state);
}

function showComponent(component) {
  const { parentElement, data } = component;
  const state = stateOf(component, () => {
    const chart = element("div", { class: "chart" }), key = element("div", { class: "legend muted" });
    const rows = element("ol", { class: "rows" }), plot = element("div", { class: "plot" }, chart, rows);
    const root = element("div", { class: "widget gantt", role: "group" }, key, element("div", { class: "scroll" }, plot));
    const made = { parent: parentElement, root, chart, rows, lines: [], ticks: [], legend: key, zoomed: null, selected: SELECT, presses: [], pressed: false,
      quietUntil: 0, coarse: matchMedia("(pointer: coarse)").matches };
    const stopTimer = everySecond(() => tick(made));
    const stopPresses = watchPresses(made), stopWidth = watchWidth(made), stopEscape = watchEscape(made);
    made.stop = () => {
      made.ended = true; // a drawing may be in progress
      clearTimeout(made.waiting);
      stopTimer();
      stopPresses();
      stopWidth();
      stopEscape();
      window.Plotly?.purge(chart);
    };
    return made;
  });
  if (state.data && state.data.id !== data.id) state.zoomed = null;
  state.data = data;
  state.selected = data.selected;
  state.setTriggerValue = component.setTriggerValue;
  state.now = clockOf(data.now);
  state.root.setAttribute("aria-label", data.alt);
  state.chart.style.height = `${data.figure.layout.height}px`;
  legend(state);
  if (!state.listening) arrangeRows(state); // Plotly's script may still be loading
  redraw(state);
}
