"""Folds of what restricts writes: freezes, drains, namespaces, rules, access."""
