"""Queries over a log: filter documents, patterns, pages. The same for every store."""
