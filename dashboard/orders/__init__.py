"""The form that submits orders; no other package of the dashboard knows the order workflow."""
