"""Merges of finished branches: asked for at the coordinator, carried out where the branches are."""
