"""A fan-out in virtual time: the engine's own folds, placement, and join, over work drawn by chance."""
