"""Folds of a fan-out: what was asked for, spawned, reported, joined; attempts and what they cost."""
