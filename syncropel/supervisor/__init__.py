"""The supervisor: a small process beside every run, which ends the whole run and records how it ended.

It imports nothing of the engine and little of the standard library, because one is started for each run.
"""
