"""The pages in a real browser, with the whole system and the real engine."""
