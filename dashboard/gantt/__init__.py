"""The Gantt chart of an instance: layout, colours, hover texts, Plotly figure and table."""
