"""A bundle looked at without a daemon, through the same client and API."""
