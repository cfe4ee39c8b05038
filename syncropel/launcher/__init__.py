"""Local fleets: starts and stops daemon processes on this machine and talks HTTP to them; it touches no
store.
"""
