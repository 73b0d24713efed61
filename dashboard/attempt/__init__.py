"""The selected bar of a Gantt chart: its attempt, and the rerun from it."""
