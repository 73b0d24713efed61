"""Runs the whole system on one machine: starts, watches and restarts the Procfile's processes."""
