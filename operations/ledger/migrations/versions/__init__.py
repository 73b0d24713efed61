"""The versions of the schema, each the successor of the one before."""
