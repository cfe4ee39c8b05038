"""The verbs of `spl task` that need more than a call and a print."""
