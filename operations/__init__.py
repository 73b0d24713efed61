"""All that an operator can see and do, whatever the workflow and the application."""
