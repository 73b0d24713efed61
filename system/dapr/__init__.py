"""Which Dapr runs here, how it is built, and with which flags it is started."""
