"""Locations and settings: the home, `config.toml`, identity, keys, and named fleets."""
