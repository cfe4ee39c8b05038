"""The `spl` command: parses, calls the client, prints. One file a noun.

Modules of commands import what they need when they run, so that a command waits for nothing it does not use.
"""
