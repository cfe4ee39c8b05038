"""What both ends of a link agree on: limits, versions, and what a coordinator may ask of a worker."""

from __future__ import annotations

import re
from typing import Final, Literal

from syncropel.wire.link_words import ENDPOINT
from syncropel.wire.version import PROTOCOL

PING_SECS: Final = 4.0
"""At the latest after so long the coordinator sends something."""
SILENCE_SECS: Final = 9.0
"""A worker that gets no byte for so long takes the link for dead."""
ACK_SECS: Final = 10.0
"""How long records wait for their acknowledgement."""
STUCK_SECS: Final = 20.0
"""A frame that is not answered for so long after its own limit ends the link."""
WAIT_SECS: Final = 25.0
"""How long a poll waits for a frame."""
MOST_WAIT_SECS: Final = 60.0

MOST_FRAMES: Final = 4
"""Frames of control and work that are not acknowledged; the last of them is kept for control."""
MOST_BYTES: Final = 1024 * 1024
"""Bytes of frames that are not acknowledged. A larger frame goes alone."""
CONTROL_BYTES: Final = 256 * 1024
"""Of these, what is kept for control."""
BATCH_BYTES: Final = 512 * 1024
"""Records are put into frames of about this size."""
FRAME_BYTES: Final = 4 * 1024 * 1024
"""No frame is longer; a worker drops the link on which one comes."""
MOST_ASKS: Final = 8
"""Requests other than control that are not answered."""
ANSWER_BYTES: Final = 1536 * 1024
"""The longest answer to a request."""

Lane = Literal["control", "work", "ask"]

CONTROL: Final = ("POST", "/v1/fleet/control")
BATCH: Final = ("POST", "/v1/records/batch")
_ASKABLE: Final = frozenset(
    {
        CONTROL,
        ("GET", "/v1/fleet/log"),
        ("GET", "/v1/worktrees"),
        ("POST", "/v1/worktrees/remove"),
        ("POST", "/v1/worktrees/allow"),
        ("POST", "/v1/merges"),
    }
)
_OUTPUT: Final = re.compile(r"/v1/dispatches/[^/]+/output", re.ASCII)


def is_link(endpoint: str) -> bool:
    """Whether this endpoint says that its instance is reached through its link."""
    return endpoint == ENDPOINT


def may_ask(method: str, raw_path: str) -> bool:
    """Whether a coordinator may ask this of a worker through a link: what it asks today, and nothing else.
    `raw_path`: as it is sent, with its escapes.
    """
    return (method, raw_path) in _ASKABLE or (method == "GET" and _OUTPUT.fullmatch(raw_path) is not None)


def version_problem(protocol: int, ours: int = PROTOCOL) -> Literal["", "TOO_OLD", "TOO_NEW"]:
    """Why a worker of this protocol is refused by a coordinator of `ours`; empty when it is not."""
    if protocol > ours:
        return "TOO_NEW"
    return "TOO_OLD" if protocol < ours - 1 else ""


def challenge(nonce: str, did: str, link: str) -> str:
    """What a coordinator proves its secret over: a nonce of the worker, the worker, and the link."""
    return f"{nonce}\n{did}\n{link}"
