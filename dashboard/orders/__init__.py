"""The form that submits orders; only this package knows the order workflow."""
