"""The client of a fleet for Python programs, with the names of the published client `syncropel` 0.7.

Programs import these names from `syncropel`, which imports each on first use.
"""
