"""What becomes of finished branches: merged as commits, checked on a tree of their own, then moved to."""
