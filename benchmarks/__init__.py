"""How fast it is: figures side by side in one run, since ratios hold where absolute times do not.

`make bench` runs every case; `python -m benchmarks NAME …` some of them.
"""
