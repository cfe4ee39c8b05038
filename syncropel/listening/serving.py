"""How a daemon serves HTTP, on whichever of its sockets."""

from __future__ import annotations

from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from syncropel.listening.connection import KEEP_ALIVE_SECS


def config(
    app: ASGIApp, grace_secs: int, *, headers: Sequence[tuple[str, str]] = (), date: bool = True
) -> uvicorn.Config:
    """uvicorn's settings for this app: no WebSockets, no trust in proxy headers, no log of its own.

    `grace_secs`: how long a stop waits for responses in progress. `headers`: added to every response.
    """
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=date,
        headers=list(headers),
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECS,
        timeout_graceful_shutdown=grace_secs,
    )
