"""Keeps the views in step with the live folds, and starts the folds from them."""
