"""The two APIs that the gateway supports: Anthropic's messages and OpenAI's responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from syncropel.adapters.gateway.answers import AnswerReader, ClaudeAnswer, ResponsesAnswer
from syncropel.adapters.gateway.refusals import FINAL, Kind, Refusal, refused
from syncropel.adapters.models.tokens import count
from syncropel.adapters.models.words import name, part

_OVERHEAD_TOKENS: Final = 4096
"""What a provider may add to a request's input, such as the description of its tools."""


@dataclass(frozen=True)
class Asked:
    """A request to a model. `most_input`, `most_output`: its largest possible token counts; None:
    unbounded."""

    model: str
    most_input: int | None
    most_output: int | None


class Dialect(Protocol):
    """One API. `asks`: paths that call a model; `free`: method and path of requests that cost nothing.

    `url`, `key`, and `provider` are an adapter's defaults: where its provider is, the file in `secrets/` with
    the key, and the provider's name.
    """

    asks: frozenset[str]
    free: frozenset[tuple[str, str]]
    url: str
    key: str
    provider: str
    spent: str
    """The error type by which agents recognize a spent quota, and end at once; empty: as for any limit."""

    def read(self, body: dict[str, Any], size: int) -> Asked:
        """Parse a request with a body of this many bytes. Raises Refused."""
        ...

    def headers(self, key: str) -> dict[str, str]:
        """The headers that authenticate with the provider."""
        ...

    def reader(self, content_type: str, encoding: str) -> AnswerReader:
        """A reader for one answer."""
        ...

    def event(self, refusal: Refusal) -> bytes:
        """The error as an event of a stream."""
        ...


class Messages:
    """Anthropic's."""

    asks = frozenset({"/v1/messages"})
    free = frozenset({("POST", "/v1/messages/count_tokens"), ("GET", "/v1/models")})
    url = "https://api.anthropic.com"
    key = "ANTHROPIC_API_KEY"
    provider = "anthropic"
    spent = ""

    def read(self, body: dict[str, Any], size: int) -> Asked:
        model = name(body.get("model"))
        # What is fetched elsewhere, or done by the provider's tools, is not part of the request's size.
        servers = body.get("mcp_servers") or body.get("container") or _server_tools(body.get("tools"))
        dearer = body.get("speed") not in (None, "standard") or body.get("inference_geo")
        unbounded = bool(servers or dearer) or _holds(body.get("messages"), frozenset({"url", "file"}))
        most_input = None if unbounded else size + _OVERHEAD_TOKENS
        return Asked(model, most_input, count(body.get("max_tokens")) or None)

    def headers(self, key: str) -> dict[str, str]:
        return {"x-api-key": key}

    def reader(self, content_type: str, encoding: str) -> AnswerReader:
        return ClaudeAnswer(content_type, encoding)

    def event(self, refusal: Refusal) -> bytes:
        return f"event: error\ndata: {json.dumps(error_body(refusal))}\n\n".encode()


class Responses:
    """OpenAI's."""

    asks = frozenset({"/v1/responses"})
    free = frozenset({("GET", "/v1/models")})
    url = "https://api.openai.com"
    key = "OPENAI_API_KEY"
    provider = "openai"
    spent = "usage_limit_reached"

    def read(self, body: dict[str, Any], size: int) -> Asked:
        if body.get("background") is True:
            raise refused("invalid", "a request in the background cannot be metered: leave `background` out")
        hidden = any(body.get(key) for key in ("previous_response_id", "conversation", "prompt"))
        hidden = hidden or body.get("service_tier") not in (None, "auto", "default")
        # Nearly every request names tools of the provider, whose results become input again.
        most_input = None if hidden or body.get("tools") else size + _OVERHEAD_TOKENS
        return Asked(name(body.get("model")), most_input, count(body.get("max_output_tokens")) or None)

    def headers(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}

    def reader(self, content_type: str, encoding: str) -> AnswerReader:
        return ResponsesAnswer(content_type, encoding)

    def event(self, refusal: Refusal) -> bytes:
        error = error_body(refusal)["error"]
        failed = {"type": "response.failed", "response": {"status": "failed", "error": error}}
        return f"event: response.failed\ndata: {json.dumps(failed)}\n\n".encode()


_TYPES: Final[Mapping[Kind, str]] = {
    "stopped": "invalid_request_error",
    "invalid": "invalid_request_error",
    "unauthorized": "authentication_error",
    "unknown": "not_found_error",
    "too_large": "request_too_large",
    "quota": "rate_limit_error",
    "busy": "rate_limit_error",
    "unreachable": "api_error",
    "timeout": "api_error",
}


def error_body(refusal: Refusal, spent: str = "") -> dict[str, Any]:
    """An error in a form that both APIs share. `spent`: the type for a spent quota, if the API has one."""
    kind = spent if spent and refusal.kind == "quota" else _TYPES[refusal.kind]
    error: dict[str, Any] = {
        "type": kind,
        "message": refusal.message,
        "code": refusal.reason or kind,
        "param": None,
    }
    if refusal.retry_after:
        error["resets_in_seconds"] = round(refusal.retry_after)
    return {"type": "error", "error": error}


def error_headers(refusal: Refusal) -> dict[str, str]:
    """Headers of an error: whether to try again, and when."""
    if refusal.kind in FINAL:
        return {"x-should-retry": "false"}
    return {"retry-after": str(max(1, round(refusal.retry_after)))} if refusal.retry_after else {}


def _server_tools(tools: Any) -> bool:
    """Whether a request names tools that the provider itself runs: their types contain a date."""
    listed = tools if isinstance(tools, list) else []
    own = (None, "custom")
    return any(part(one).get("type") not in own and "input_schema" not in part(one) for one in listed)


def _holds(messages: Any, kinds: frozenset[str]) -> bool:
    """Whether a message has content that the provider fetches from elsewhere."""
    waiting = [messages]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if one.get("type") in kinds and ("url" in one or "file_id" in one):
                return True
            waiting += [one.get("content"), one.get("source")]
    return False
