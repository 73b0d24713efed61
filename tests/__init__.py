"""The tests: unit tests, integration tests on the real engine, browser tests."""
