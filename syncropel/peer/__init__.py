"""What instances need to talk to each other: connections, back-off, and time, which is passed in."""
