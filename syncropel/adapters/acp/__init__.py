"""Coding agents that speak the Agent Client Protocol: JSON-RPC 2.0, a message a line, over a run's pipes."""
