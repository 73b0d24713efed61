"""Runs recorder, dashboard and REST API for an application that already has a sidecar."""
