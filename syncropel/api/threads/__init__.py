"""Threads, bundles of them, and participants."""
