"""How open pages learn of changes, and what they say while a part of the system is away."""
