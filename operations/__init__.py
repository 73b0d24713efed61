"""What an operator can see and do, for any workflow and any application."""
