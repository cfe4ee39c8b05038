"""The record: its eight fields, canonical JSON, ids, and thread ids. The ground floor of the package."""
