"""The fleet, dispatch to it, and draining it."""
