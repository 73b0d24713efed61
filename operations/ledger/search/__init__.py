"""Lists of runs: filters, pages, counts."""
