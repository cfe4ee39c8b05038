"""Tasks and their fan-outs."""
