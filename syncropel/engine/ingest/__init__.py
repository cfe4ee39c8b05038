"""The path of every record into the log: judged, appended, folded, sent to watchers."""
