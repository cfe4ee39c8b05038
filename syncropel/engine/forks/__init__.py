"""Forks: the work of child threads, the results for their parents, and the join."""
