"""Forks: the work of child threads, the word to their parents, and the join."""
