"""The pages in a real browser, over the whole system on the real engine."""
