"""Writes and propagates control: freezes, drains, rules, accounts."""
