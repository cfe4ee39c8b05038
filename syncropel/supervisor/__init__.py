"""The supervisor: a small process beside every run that ends it whole and says what became of it.

It imports nothing of the engine and little of the standard library, because one is started for each run.
"""
