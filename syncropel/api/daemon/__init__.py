"""Health of the daemon, and its log."""
