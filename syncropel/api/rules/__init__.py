"""Rules, permissions, and expressions to try."""
