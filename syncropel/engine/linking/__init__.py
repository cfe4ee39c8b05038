"""Links: the coordinator's ends over its log, and a worker's one end."""
