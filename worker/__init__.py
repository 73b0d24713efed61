"""The order application: its contract, workflow and activities, and the process that hosts them."""
