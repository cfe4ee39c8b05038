"""Pure functions: records in, state out. No I/O and no clock of their own: `now` is an argument."""
