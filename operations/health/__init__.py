"""Which services are away, since when and why, and how this is found out."""
