"""Runs the whole system on one machine: the processes of the Procfile, watched and restarted."""
