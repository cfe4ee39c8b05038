"""Coding agents as workers: what their command lines say, what it cost, and what came of it."""
