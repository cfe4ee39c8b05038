"""The worker's side of a fan-out: runs the subtasks that were assigned to this instance."""
