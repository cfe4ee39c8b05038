"""Tells others over HTTP what happens in the fleet."""
