"""`reference/http-api.md` and `reference/http-models.md`: every route and every model, from OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from docs_tools.http_examples import EXAMPLES, Example
from docs_tools.markdown import page, table
from docs_tools.openapi import document

_GROUPS = {
    "records": "Records",
    "threads": "Threads",
    "tasks": "Tasks",
    "output": "Output of goals",
    "questions": "Questions and messages",
    "fleet": "Fleet",
    "control": "Freezes, drains, namespaces",
    "replay": "Replay",
    "bundles": "Bundles",
    "trust": "Trust",
    "consent": "Consent",
    "config": "Rules and permissions",
    "expressions": "Expressions",
    "service accounts": "Accounts and tokens",
    "health": "Health",
    "log": "Log",
    "webhooks": "Webhooks",
}

_INTRO = """
A daemon serves this API over its Unix socket, `run/spl.sock` in its home, and over TCP on 127.0.0.1.
Over the socket the caller is the operator. Over TCP a request needs `Authorization: Bearer TOKEN` (or
`x-api-key: TOKEN`) with the scope that the route names; `spl token mint` makes a token. `/openapi.json`
has this page for programs.

```sh
curl -s --unix-socket ~/.syncro/run/spl.sock http://spl/health
curl -s -H "Authorization: Bearer $SPL_TOKEN" http://127.0.0.1:9100/v1/whoami
```

**Errors** have one shape, whatever the status: `code` is for programs, `message` says what happened,
`hint` what to do.

```json
{"object": "error", "type": "not_found", "code": "NOT_FOUND", "message": "…", "hint": "…"}
```

**Lists** are `{"object": "list", "data": […], "next_cursor": …}`. When `next_cursor` is not null, the
same request with this value as `since` (or the parameter that the route names) gives the next page.

**Streams** are server-sent events. The `id` of an event is a cursor; send it as `Last-Event-ID` to
resume. A stream that says `error` with the code `lagged` has dropped events for you: read the list again.

Bodies are JSON. A field that the model does not know is refused with 422. [Models](http-models.md) lists
the fields of every answer.
"""


def http_page() -> str:
    by_group: dict[str, list[str]] = {title: [] for title in _GROUPS.values()}
    for method, path, operation in operations():
        by_group[_GROUPS[operation["tags"][0]]].append(_route(method, path, operation))
    parts = [f"## {title}\n\n" + "\n\n".join(routes) for title, routes in by_group.items()]
    return page("HTTP API", "the OpenAPI document and docs_tools/http_examples.py", _INTRO.strip(), *parts)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every route."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [*map(_parameter, operation.get("parameters", ())), *_body_rows(operation)]
    return "\n\n".join(
        part
        for part in (
            f"### `{method} {path}`",
            f"{_prose(operation['description'])} {_scope(operation)}",
            table(("parameter or field", "kind", "default", "meaning"), rows) if rows else "",
            f"```sh\n{command(method, EXAMPLES[f'{method} {path}'])}\n```",
            _answers(operation),
        )
        if part
    )


def _prose(text: str) -> str:
    """A docstring as one paragraph, with braces and angle brackets escaped for Markdown."""
    return " ".join(text.split())


def _scope(operation: dict[str, Any]) -> str:
    if "security" not in operation:
        return "Needs no token."
    scope = operation["security"][0]["bearer"]
    return f"Scope: `{scope[0]}`." if scope else "Needs a token, with any scope."


_MEANINGS = {
    "act": "only this act, such as `INTEND`",
    "actor": "only records of this actor",
    "attempt": "another attempt than the latest",
    "follow": "answer with a stream that goes on until the attempt has ended",
    "index": "the subtask, from 0",
    "instance": "an alias or a DID",
    "join": "the predicate: `all`, `any`, `k_of_n:K`, or CEL",
    "limit": "at most so many",
    "namespace": "the namespace",
    "position": "how many records, in the order of the log",
    "record_id": "64 hex digits",
    "since": "only what comes after this cursor",
    "status": "only tasks with this status",
    "tail": "begin with the last N lines",
    "thread": "a thread, or the alias of its task",
    "topic": "only records with this topic",
    "with": "the other thread, or the alias of its task",
}
"""The meaning of a parameter without a description of its own."""


def _parameter(one: dict[str, Any]) -> tuple[str, str, str, str]:
    place = "in the path" if one["in"] == "path" else "in the query"
    schema = one["schema"]
    meaning = one.get("description") or _MEANINGS.get(one["name"], "")
    told = f"{meaning} ({place})".strip()
    return (
        f"`{one['name']}`",
        _kind(schema).removesuffix(" or null"),
        _default(schema, one.get("required")),
        told,
    )


def _body_rows(operation: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    yield from fields(_resolved(schema))


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default, and meaning of each field of a model."""
    for name, told in schema.get("properties", {}).items():
        needed = name in schema.get("required", ())
        yield f"`{name}`", _kind(told), _default(told, needed), told.get("description", "")


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return models()[schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def models() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document()["components"]["schemas"]
    return found


def _default(schema: dict[str, Any], needed: bool | None) -> str:
    if needed:
        return "required"
    default = schema.get("default")
    return "" if default in (None, "", [], {}) else f"`{json.dumps(default)}`"


_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def _kind(schema: dict[str, Any]) -> str:
    """The type of a value, in words; models are links."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{_plain(name)}](http-models.md#{anchor(name)})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(map(_kind, schema[key])))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if isinstance(schema.get("type"), list):
        return " or ".join(_WORDS[one] for one in schema["type"])
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_kind(inner)}" if isinstance(inner, dict) else "object"
    return _WORDS.get(schema.get("type", ""), "any value")


def _plain(name: str) -> str:
    """A model's name, without the module that distinguishes two of the same name."""
    return name.rsplit("__", 1)[-1].removeprefix("Page_").rstrip("_")


def anchor(name: str) -> str:
    """The anchor of a model on its page."""
    return f"model-{name.removeprefix('Page_').strip('_').replace('__', '-').replace('_', '-').lower()}"


def _answers(operation: dict[str, Any]) -> str:
    told = []
    for status, answer in operation["responses"].items():
        if status == "default":
            continue
        for media, content in answer.get("content", {}).items():
            what = _kind(content.get("schema", {})) if media == "application/json" else f"`{media}`"
            name = content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
            told.append(
                f"{status} with a list of {what}" if name.startswith("Page_") else f"{status} with {what}"
            )
    return f"Answers {', '.join(told)}."


def command(method: str, example: Example) -> str:
    """The request as a curl command."""
    parts = ["curl -s"]
    if example.stream:
        parts = ["curl -sN"]
    parts.append("--unix-socket ~/.syncro/run/spl.sock")
    if method != "GET":
        parts.append(f"-X {method}")
    if example.lines:
        parts.append(f"-H 'content-type: application/x-ndjson' --data-binary {example.lines}")
    elif example.body is not None:
        parts.append(f"-H 'content-type: application/json' \\\n  -d '{json.dumps(example.body)}' \\\n ")
    parts.append(f"'http://spl{example.path}'")
    return " ".join(parts)


def models_page() -> str:
    parts = []
    for name, schema in sorted(models().items(), key=lambda one: _plain(one[0]).lower()):
        if name.startswith("Page_") or not schema.get("properties"):
            continue
        told = _prose(schema.get("description", ""))
        parts.append(f"## {_plain(name)} {{#{anchor(name)}}}")
        parts.append(
            "\n\n".join(filter(None, (told, table(("field", "kind", "default", "meaning"), fields(schema)))))
        )
    return page(
        "HTTP models",
        "the OpenAPI document",
        "What the [HTTP API](http-api.md) takes and answers, field by field. Times are unix seconds, "
        "costs are US dollars.",
        *parts,
    )
