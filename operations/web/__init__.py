"""What every web server of Flowdeck does: who may send requests, and what browsers may do."""
