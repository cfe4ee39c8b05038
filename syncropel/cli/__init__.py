"""The `spl` command: parses, calls the client, prints. One file per noun.

Command modules import what they need when they run, so that a command does not wait for anything it does not
use.
"""
