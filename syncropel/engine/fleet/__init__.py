"""Belonging to a fleet: heartbeats, leases, credentials."""
