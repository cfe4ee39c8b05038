"""Folds of the fleet: its members, their credentials, and routing."""
