"""Walks threads record by record, with the whole state at each step, and compares two of them."""
