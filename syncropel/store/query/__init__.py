"""Searching a log: filter documents, patterns, pages. The same over every store."""
