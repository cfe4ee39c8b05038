"""How a daemon listens: TCP on this machine, and a Unix socket reserved for the operator."""
