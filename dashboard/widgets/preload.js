// Loads Plotly's script before the first chart is drawn.

function showComponent(component) {
  plotly(component.data.plotly).catch(() => {}); // the chart loads it again and reports a failure
}
