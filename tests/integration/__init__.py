"""Integration tests: real processes, the real engine, real HTTP."""
