"""Folds of tasks: their status, and whose results were accepted."""
