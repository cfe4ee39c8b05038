"""Where things are and how they are set: the home, `config.toml`, identity, keys, and named fleets."""
