"""Formats wire models as lines of text."""
