"""Fleet membership: heartbeats, leases, credentials."""
