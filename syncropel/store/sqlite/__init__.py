"""The record log in one SQLite file."""
