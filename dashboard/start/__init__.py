"""The page that starts any workflow: its fields, the runs that fill them, their mistakes."""
