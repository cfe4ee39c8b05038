"""Threads, bundles of them, and who takes part."""
