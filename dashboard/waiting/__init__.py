"""Parts of the page of runs that wait."""
