"""Folds of a fan-out: what was requested, spawned, reported, joined; attempts and their costs."""
