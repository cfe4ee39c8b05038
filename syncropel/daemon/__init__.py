"""The daemon process: started with `python -m syncropel.daemon`."""
