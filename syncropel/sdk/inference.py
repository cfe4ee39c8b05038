"""Asks a thread for an inference: the question, and the answer that responders fold into it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

QUERY: Final = "infer.query.v1"
RESULT: Final = "infer.result.v1"
_OPTIONAL: Final = ("orchestration", "dial", "relevance", "side_effects", "metadata")
_OWN: Final = frozenset({"kind", "fulfills", "correlation_id", "_v"})
"""Keys of a result's body other than the result itself."""


@dataclass
class InferOptions:
    """Whether to `wait` for the result, how often to poll and for how long, and on which thread."""

    wait: bool = True
    poll_interval_ms: int = 500
    poll_timeout_ms: int = 300_000
    thread: str | None = None


@dataclass
class InferPending:
    """A question that was asked: the id of its INTEND, and the thread for its answer."""

    correlation_id: str
    thread_id: str
    pending: bool = True


@dataclass
class ProvenanceEntry:
    """A response that contributed to an answer, and its weight."""

    responder_did: str
    response_record_id: str
    weight: float
    match_level: str
    trust_at_dispatch: float


@dataclass
class TrustSummary:
    """How far the responders of an answer are trusted, from 0 to 1."""

    mean: float = 0.0
    min: float = 0.0
    max: float = 0.0
    n_contributors: int = 0


@dataclass
class InferResult:
    """An answer. Costs are in US dollars; `extra` holds the remaining fields of its record."""

    answer: Any = None
    provenance: list[ProvenanceEntry] = field(default_factory=list)
    trust_summary: TrustSummary = field(default_factory=TrustSummary)
    cost_actual_usd: float = 0.0
    cost_charged_but_failed_usd: float = 0.0
    fold_function: str = ""
    chosen_response_id: str | None = None
    know_record_id: str = ""
    thread_id: str = ""
    latency_ms: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def random_thread_id() -> str:
    """A new random thread id: `th_` and 64 hex digits."""
    return f"th_{secrets.token_hex(32)}"


def build_infer_input(input_: dict[str, Any]) -> dict[str, Any]:
    """`{"goal": …}`, optionally with a `context`, as `{"inline": …}`; another dict is returned as is.

    Raises TypeError for anything else.
    """
    if not isinstance(input_, dict):
        raise TypeError(f"the input of an inference is a dict, not {type(input_).__name__}")
    if not isinstance(input_.get("goal"), str):
        return input_
    return {"inline": {key: input_[key] for key in ("goal", "context") if input_.get(key) is not None}}


def build_infer_query_body(request: dict[str, Any]) -> dict[str, Any]:
    """The body of a question.

    Raises TypeError for anything but a dict, and ValueError without an `input`, a list of `responders`, or a
    `fold` with its `function`.
    """
    if not isinstance(request, dict):
        raise TypeError(f"an inference is a dict, not {type(request).__name__}")
    responders, fold = request.get("responders"), request.get("fold")
    if not isinstance(responders, list) or not responders:
        raise ValueError("an inference needs a list of responders")
    if not isinstance(fold, dict) or "function" not in fold:
        raise ValueError("an inference needs a fold with a function")
    if "input" not in request:
        raise ValueError("an inference needs an input")
    return {
        "kind": QUERY,
        "input": build_infer_input(request["input"]),
        "answer_shape": request.get("answer_shape", {"kind": "inference.answer.v1"}),
        "responders": list(responders),
        "fold": dict(fold),
        **{key: request[key] for key in _OPTIONAL if request.get(key) is not None},
    }


def find_infer_result(records: list[dict[str, Any]], correlation_id: str) -> InferResult | None:
    """The answer among these records to the INTEND with this id; None when it is missing."""
    for record in records:
        body = record.get("body")
        if record.get("act") != "KNOW" or not isinstance(body, dict) or body.get("kind") != RESULT:
            continue
        fulfilled = body.get("fulfills")
        answered = fulfilled if isinstance(fulfilled, list) else [fulfilled]
        if correlation_id in [body.get("correlation_id"), *answered]:
            return _result(record, body)
    return None


def _result(record: Mapping[str, Any], body: Mapping[str, Any]) -> InferResult:
    given, trust = body.get("provenance"), body.get("trust_summary")
    entries = given if isinstance(given, list) else []
    chosen = body.get("chosen_response_id")
    known = {*InferResult.__dataclass_fields__, *_OWN} - {"extra", "know_record_id", "thread_id"}
    return InferResult(
        answer=body.get("answer"),
        provenance=[_entry(one) for one in entries if isinstance(one, dict)],
        trust_summary=_trust(trust if isinstance(trust, dict) else {}),
        cost_actual_usd=_number(body, "cost_actual_usd"),
        cost_charged_but_failed_usd=_number(body, "cost_charged_but_failed_usd"),
        fold_function=str(body.get("fold_function", "")),
        chosen_response_id=chosen if isinstance(chosen, str) else None,
        know_record_id=str(record.get("id", "")),
        thread_id=str(record.get("thread", "")),
        latency_ms=_number(body, "latency_ms") if "latency_ms" in body else None,
        extra={key: value for key, value in body.items() if key not in known},
    )


def _entry(entry: Mapping[str, Any]) -> ProvenanceEntry:
    return ProvenanceEntry(
        str(entry.get("responder_did", "")),
        str(entry.get("response_record_id", "")),
        _number(entry, "weight"),
        str(entry.get("match_level", "")),
        _number(entry, "trust_at_dispatch"),
    )


def _trust(trust: Mapping[str, Any]) -> TrustSummary:
    mean, least, most = (_number(trust, name) for name in ("mean", "min", "max"))
    return TrustSummary(mean, least, most, int(_number(trust, "n_contributors")))


def _number(body: Mapping[str, Any], name: str) -> float:
    """A number that somebody else wrote; 0 if it is not one."""
    value = body.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
