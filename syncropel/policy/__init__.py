"""CEL and the guard that every write passes."""
