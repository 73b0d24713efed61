"""The tests: unit, and integration on the real engine."""
