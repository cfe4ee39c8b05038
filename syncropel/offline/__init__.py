"""Opens a bundle without a daemon, through the same client and API."""
