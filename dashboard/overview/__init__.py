"""The overview and the failures: what needs a person, figures of a period, failure groups."""
