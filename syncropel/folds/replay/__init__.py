"""Threads walked record by record, with the whole state at each, and two of them compared."""
