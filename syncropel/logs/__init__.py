"""The daemon's log: the file format, and the newest lines in memory."""
