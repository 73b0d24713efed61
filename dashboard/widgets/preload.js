// Loads Plotly's script once someone uses the page: the chart that follows appears at once, and a page that is only opened stays small.

function showComponent(component) {
  stateOf(component, () => {
    const load = () => plotly(component.data.plotly).catch(() => {}); // the chart loads it again and reports a failure
    document.addEventListener("focusin", load, { once: true });
    return { root: element("span"), stop: () => document.removeEventListener("focusin", load) };
  });
}
