// Sparklines: small charts without axes.

const WIDTH = 160, HEIGHT = 36; // of a sparkline, in units of its view box

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// Returns bars for numbers of runs, a line for durations; null is a gap.
function sparkline({ values, unit }, words) {
  const highest = Math.max(...values.filter((value) => value !== null), 0);
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "sparkline", role: "img", "aria-label": words });
  const step = WIDTH / values.length;
  const y = (value) => HEIGHT - 1 - (HEIGHT - 4) * (highest ? value / highest : 0);
  if (unit === "runs") {
    values.forEach((value, index) => value && chart.append(svg("rect", { x: index * step, y: y(value), width: Math.max(step * .8, .8), height: HEIGHT - y(value) })));
  } else {
    let path = "";
    values.forEach((value, index) => {
      if (value === null) return;
      const joined = index > 0 && values[index - 1] !== null;
      path += `${joined ? "L" : "M"}${((index + .5) * step).toFixed(1)} ${y(value).toFixed(1)}${joined ? "" : "h.1"}`;
    });
    chart.append(svg("path", { d: path, "vector-effect": "non-scaling-stroke" }));
  }
  chart.append(svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - .5, y2: HEIGHT - .5, "vector-effect": "non-scaling-stroke" }));
  return chart;
}
