"""A console to test: a daemon of straw, scenes to look at, and the page that a person reads."""
