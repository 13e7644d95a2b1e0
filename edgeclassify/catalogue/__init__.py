"""Which models there are, pulling them, and whether those that are here are whole."""
