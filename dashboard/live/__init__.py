"""Live updates, the state that all viewers share, and the banner that shows outages."""
