"""A network in memory, in the place of the one that a blocking client uses."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from syncropel.client.remote import HttpxLine
from syncropel.client.target import Target


def replace_network(monkeypatch: pytest.MonkeyPatch, transport: httpx.BaseTransport) -> None:
    """Let this transport answer every blocking client, on a Unix socket and over TCP."""

    def line(path: Path, secs: float) -> HttpxLine:
        return HttpxLine(Target(socket=path), secs, transport)

    monkeypatch.setattr("syncropel.client.transport.LocalLine", line)
    monkeypatch.setattr(httpx, "HTTPTransport", lambda **_: transport)
