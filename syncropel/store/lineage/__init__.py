"""What is known of a log beside it, so that one that was swapped, cut, or set back is seen at the start."""
