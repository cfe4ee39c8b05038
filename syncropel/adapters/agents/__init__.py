"""Coding agents as workers: their output, their cost, and the outcome."""
