"""The order application: the process that hosts the order workflow, and its REST API."""
