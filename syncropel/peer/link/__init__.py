"""The link: one connection that a worker makes, and through which its coordinator reaches it."""
