"""Dialogs: what changes the fleet from the console, one question a file, all on one base."""
