"""A fleet of daemons on this machine: starts and stops processes, and talks HTTP; no store is touched."""
