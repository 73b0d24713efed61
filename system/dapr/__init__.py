"""Finds or builds Dapr, and starts its processes."""
