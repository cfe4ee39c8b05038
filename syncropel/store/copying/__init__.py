"""Copies of whole logs, from one place to another."""
