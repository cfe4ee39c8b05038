"""Typed HTTP client of a daemon, over its Unix socket or TCP.

The command line and the console use nothing else. `calls` says what can be asked; `Client` and `AsyncClient`
send it.
"""

from syncropel.client.calls import Call
from syncropel.client.events import Event
from syncropel.client.transport import AsyncClient, Client, Target

__all__ = ["AsyncClient", "Call", "Client", "Event", "Target"]
