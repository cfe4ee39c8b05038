"""Pure functions from records to state. No I/O and no clock of their own: `now` is an argument."""
