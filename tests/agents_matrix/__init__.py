"""The real agents on a real fleet, against a model that plays scripts.

`make agents` installs them into a temporary folder and prints the table of docs/howto/agents.md.
"""
