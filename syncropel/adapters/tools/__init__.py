"""The tools of `spl mcp`: tokens of attempts, the routes that they open, and what agents are told of it."""
