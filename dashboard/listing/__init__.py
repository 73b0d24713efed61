"""The list of runs: its rows, filters and clicks, and what the recorder is doing."""
