"""The REST API of any Dapr workflow application."""
