"""Searches for runs: filters, pages, counts."""
