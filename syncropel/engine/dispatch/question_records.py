"""The body of the observation that an attempt asks something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from syncropel.adapters.asking import Request
from syncropel.errors import InvalidRecord
from syncropel.folds.fanout.talk import MOST_SHOWN, Decision, digest_of
from syncropel.record.canonical import canonical_json

_MOST_TEXT: Final = 2000
_MOST_WORD: Final = 200
_MOST_OPTIONS: Final = 16
_MOST_REQUEST: Final = 1000


def plain(request: Request) -> Request:
    """The request with an id that a record can hold, whatever its agent calls it."""
    return replace(request, id=str(request.id).encode("utf-8", "backslashreplace").decode())


def asked_body(
    about: str, request: Request, at: float, until: float, decision: Decision | None
) -> dict[str, Any]:
    """The question, with its decision if it is decided already. What is too large to be shown is left out:
    its digest and its size stay. Times in unix seconds. Raises InvalidRecord for what is no JSON.
    """
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
        "root": request.root,
        "options": [
            {"kind": _cut(one.kind, _MOST_WORD), "name": _cut(one.name, _MOST_WORD)}
            for one in request.options[:_MOST_OPTIONS]
        ],
        "asked_at": at,
        "until": until,
    }
    if not too_large(request):
        command = None if request.command is None else list(request.command)
        question |= {"shown": dict(request.shown), "command": command, "paths": list(request.paths)}
    return {"question": question} | ({} if decision is None else {"decision": decision.as_body()})


def size_of(request: Request) -> int:
    """Bytes of what an operator would have to look at, as canonical JSON. Raises InvalidRecord."""
    return len(canonical_json([dict(request.shown), request.command, request.paths]).encode())


def too_large(request: Request) -> str:
    """Why this cannot be shown to anybody; empty when it can."""
    if len(request.id) > _MOST_REQUEST or len(request.root) > MOST_SHOWN:
        return "its id or its folder is too long"
    size = size_of(request)
    if size <= MOST_SHOWN:
        return ""
    return f"it is too large to be judged: {size} bytes, and at most {MOST_SHOWN} are shown"


def _cut(text: str, most: int) -> str:
    if not isinstance(text, str):
        raise InvalidRecord("a question's words must be text", "mend the adapter")
    return text if len(text) <= most else f"{text[: most - 1]}…"
