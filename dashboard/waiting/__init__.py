"""The page of runs that wait."""
