"""The daemon's log: its lines, and the newest of them in memory."""
