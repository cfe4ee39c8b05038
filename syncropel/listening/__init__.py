"""Where a daemon listens: TCP on this machine, and a Unix socket that is the operator's own door."""
