"""Dapr's trace spans: the endpoint that receives them, the hints in them, and start times."""
