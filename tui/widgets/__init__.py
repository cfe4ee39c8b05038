"""Widgets that draw lines themselves and repaint only what changed."""
