"""Statistics of many runs and attempts: durations, throughput, failures, baselines."""
