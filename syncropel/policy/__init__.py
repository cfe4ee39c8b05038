"""CEL policy, and the guard that checks every write."""
