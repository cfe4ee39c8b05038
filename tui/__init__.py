"""The full-screen console. It talks to the daemon through the HTTP API only."""
