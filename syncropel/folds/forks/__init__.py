"""Forks: what a thread's records say of its child threads, and the join over them."""
