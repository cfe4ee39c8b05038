"""Why a coordinator does not take a link, and what a worker does not take over one."""

from __future__ import annotations

import math
from typing import Any

from syncropel.errors import Conflict, DaemonUnreachable, Unavailable


class LinkRefused(Conflict):
    """Raised when a coordinator does not take a worker's link, by its code.

    TOO_OLD, TOO_NEW: the versions do not fit; SECOND_HOME: two processes present the same credential;
    UNKNOWN_LINK: the link has ended meanwhile; UNKNOWN_FRAME: nothing with this number waits for an answer.
    """

    code = "LINK_REFUSED"


class ManyLinks(Unavailable):
    """Raised when more workers want a link than are admitted in a second; it says when to come back."""

    code = "MANY_LINKS"

    def __init__(self, wait_secs: float) -> None:
        super().__init__("many workers connect at once", "try again later: this is done without you")
        self.wait_secs = math.ceil(wait_secs)


class NotTaken(DaemonUnreachable):
    """Raised when a worker refuses all records of a frame: the HTTP `status`, and the error as `answer`."""

    def __init__(self, did: str, status: int, answer: dict[str, Any]) -> None:
        told = f"{did} answered HTTP {status} {answer.get('message', '')}".rstrip()
        super().__init__(told, "see that instance's log")
        self.status = status
        self.answer = answer
