"""Folds of the fleet: who belongs to it, with which credential, and where work goes."""
