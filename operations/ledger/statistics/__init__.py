"""Statistics of many runs and attempts: outcomes, durations, failure groups, baselines."""
