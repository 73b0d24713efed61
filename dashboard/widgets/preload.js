// Loads Plotly's script before the first chart is drawn.

export default function (component) {
  plotly(component.data.plotly).catch(() => {}); // the chart loads it again and reports a failure
}
