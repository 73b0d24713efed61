"""Jobs: what the recorder's process does in the background, beside recording."""
