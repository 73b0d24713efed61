// Has the chart's script at hand before the first chart is drawn.

export default function (component) {
  plotly(component.data.plotly).catch(() => {}); // the chart itself tells, should it fail again
}
