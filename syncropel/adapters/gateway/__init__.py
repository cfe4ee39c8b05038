"""The model gateway: a loopback server between agents and the provider of their model.

An agent is pointed at it and given a token of its attempt. The provider's key stays here.
"""
