"""Parts of the overview: what needs a person, figures of a period, and one row per workflow."""
