"""What runs in the background, in the process of the recorder."""
