"""The worker's side of a fan-out: runs the subtasks that this instance was given."""
