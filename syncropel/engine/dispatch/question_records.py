"""The body of the observation that an attempt asks something."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final

from syncropel.adapters.asking import Request
from syncropel.errors import InvalidRecord
from syncropel.folds.fanout.talk import MOST_KEPT, MOST_SHOWN, Decision, digest_of
from syncropel.record.canonical import canonical_json

_MOST_TEXT: Final = 2000
_MOST_WORD: Final = 200
_MOST_OPTIONS: Final = 16
_MOST_PATH: Final = 4096


def plain(request: Request) -> Request:
    """The request with an id that a record can hold, whatever its agent calls it."""
    named = str(request.id).encode("utf-8", "backslashreplace").decode()
    if len(named) > _MOST_WORD:
        named = hashlib.sha256(named.encode()).hexdigest()
    return replace(request, id=named)


def asked_body(
    about: str, request: Request, at: float, until: float, decision: Decision | None
) -> dict[str, Any]:
    """The question, with its decision if it is decided already. What is too large to be shown, or kept, is
    left out: its digest and its size stay. Times in unix seconds. Raises InvalidRecord for what is no JSON.
    """
    most = MOST_SHOWN if decision is None else MOST_KEPT
    question: dict[str, Any] = {
        "id": about,
        "request": request.id,
        "kind": request.kind,
        "text": _cut(request.text, _MOST_TEXT),
        "tool": _cut(request.tool, _MOST_WORD),
        "size": size_of(request),
        "digest": digest_of(request.shown),
        "command": None,
        "paths": [],
        "root": _cut(request.root, _MOST_PATH),
        "options": [
            {"kind": _cut(one.kind, _MOST_WORD), "name": _cut(one.name, _MOST_WORD)}
            for one in request.options[:_MOST_OPTIONS]
        ],
        "asked_at": at,
        "until": until,
    }
    if not too_large(request, most):
        question["shown"] = dict(request.shown)
    if not too_large(replace(request, shown={}), most):
        command = None if request.command is None else list(request.command)
        question |= {"command": command, "paths": list(request.paths)}
    return {"question": question} | ({} if decision is None else {"decision": decision.as_body()})


def size_of(request: Request) -> int:
    """Bytes of what an operator would have to look at, as canonical JSON. Raises InvalidRecord."""
    return len(canonical_json([dict(request.shown), request.command, request.paths]).encode())


def too_large(request: Request, most: int = MOST_SHOWN) -> str:
    """Why this cannot be shown to anybody; empty when it can."""
    size = size_of(request)
    return "" if size <= most else f"it is too large to be judged: {size} bytes, and at most {most} are shown"


def _cut(text: str, most: int) -> str:
    if not isinstance(text, str):
        raise InvalidRecord("a question's words must be text", "mend the adapter")
    return text if len(text) <= most else f"{text[: most - 1]}…"
