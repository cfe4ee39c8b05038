"""The full-screen console. It knows the daemon by its HTTP API alone."""
