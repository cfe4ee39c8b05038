"""What is known of a log, stored beside it, so that a swapped, truncated, or rolled-back log is detected at
start.
"""
