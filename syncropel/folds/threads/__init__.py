"""Folds of threads in general: the index of threads, and the registered actors."""
