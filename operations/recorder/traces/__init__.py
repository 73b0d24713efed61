"""Dapr's trace spans: an endpoint that takes them, the hints that they give, start times."""
