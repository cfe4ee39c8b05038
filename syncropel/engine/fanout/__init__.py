"""The coordinator's side of a fan-out: spawn, deliver, reassign, join; and reports back to it."""
