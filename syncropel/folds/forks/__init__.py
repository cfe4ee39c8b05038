"""Forks: a thread's child threads according to its records, and the join over them."""
