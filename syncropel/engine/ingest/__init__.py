"""The way of every record into the log: judged, appended, folded, told to watchers."""
