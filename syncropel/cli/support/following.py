"""Follows an event stream until interrupted, across restarts of the daemon."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.terminal import complain
from syncropel.errors import DaemonUnreachable

if TYPE_CHECKING:
    from syncropel.client import Event

RECONNECT_SECS: Final = 2.0


def events(args: Namespace, path: str, last_id: str = "") -> Iterator[Event]:
    """The events of a stream, until interrupted; a reconnect continues after the last event's id.

    Raises what the first connection raises; a later loss is reported once and waited out. The daemon's reason
    for ending a stream itself (`error`, `server_shutdown`) is reported too.
    """
    connected, said = False, ""
    while True:
        try:
            with connect(args) as client, client.watch(path, last_id) as stream:
                connected, said = True, ""
                for event in stream:
                    last_id = event.id or last_id
                    if event.name == "error":
                        complain(str(event.data.get("message")), "going on after the last one")
                    elif event.name not in ("heartbeat", "server_shutdown"):
                        yield event
        except DaemonUnreachable as error:
            if not connected:
                raise
            if said != error.message:
                complain(error.message, "waiting for it to come back; Ctrl-C ends this")
                said = error.message
        time.sleep(RECONNECT_SECS)
