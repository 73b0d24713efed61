"""The workflows of `make demo`, hosted beside the order workflow, and what starts them."""
