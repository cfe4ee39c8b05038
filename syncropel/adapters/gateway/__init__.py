"""The model gateway: a loopback server between agents and their model's provider.

An agent is pointed at it and given a token for its attempt. The provider's key stays here.
"""
