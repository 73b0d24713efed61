"""Exports of runs and of the audit log as files that are generated while they are read."""
