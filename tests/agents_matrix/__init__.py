"""The real command lines of claude and codex on a real fleet, against a model that plays scripts.

`make agents` installs the command lines into a temporary folder and prints the table of docs/howto/agents.md.
"""
