"""The daemon's process: started with `python -m syncropel.daemon`, and what runs in it."""
