"""Unit tests: no engine, fakes only above the gateway."""
