"""The operator's pages: what operations knows, shown, and what it can do, asked for."""
