"""The expression language, CEL: parsed, checked, and evaluated within a budget. It contains no policy."""
