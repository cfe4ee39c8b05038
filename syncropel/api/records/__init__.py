"""Records: append, read, watch, query."""
