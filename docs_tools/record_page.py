"""`reference/record.md`: the eight fields, canonical JSON, and ids, with limits and examples from
the code."""

from __future__ import annotations

from typing import Any

from docs_tools.markdown import page, table
from syncropel.record.canonical import MAX_DEPTH, MAX_INT_DIGITS, canonical_json
from syncropel.record.model import (
    ACTS,
    DATA_TYPES,
    FIELDS,
    MAX_BODY_BYTES,
    MAX_NAME_CHARS,
    MAX_PARENTS,
    MAX_POSTED_CLOCK,
    Record,
    hash_input,
)
from syncropel.record.threads import RESERVED

_ACT_MEANING = {
    "INTEND": "says what is wanted",
    "DO": "says that something was begun or changed",
    "KNOW": "says what was found out, or how something ended",
    "LEARN": "says what holds from now on: a rule, a freeze, a budget",
    "GET": "reads from outside",
    "PUT": "writes outside",
    "CALL": "runs something outside",
    "MAP": "turns data into other data",
}

_FIELDS: dict[str, tuple[str, str]] = {
    "thread": (
        "text",
        f"The thread that the record belongs to: 1 to {MAX_NAME_CHARS} characters, none of them a "
        f"control character.",
    ),
    "actor": ("text", f"The DID of whoever acts: 1 to {MAX_NAME_CHARS} characters."),
    "act": ("one of eight", "What kind of statement this is; see below."),
    "body": (
        "object",
        f"The content: a JSON object of at most {MAX_BODY_BYTES // 1024**2} MiB as canonical JSON. "
        f"`topic`, or `kind` for observations, names its shape.",
    ),
    "clock": (
        "whole number",
        f"The logical time on the thread, at most 2^{MAX_POSTED_CLOCK.bit_length() - 1} in a new "
        f"record. Without it the daemon assigns the next one.",
    ),
    "parents": (
        "list of ids",
        f"The records that this one follows from, at most {MAX_PARENTS}. The default is none.",
    ),
    "data_type": ("one of six", f"`{'`, `'.join(sorted(DATA_TYPES))}`. The default is `SCALAR`."),
    "judged_by": ("id or null", "The record that judges this one. It is not part of the id."),
}

_RULES = """
## Canonical JSON

One value has one text, so a hash of the text identifies the value:

- Keys are sorted by code point at every depth.
- There is no white space outside of strings.
- The text is UTF-8. Only the characters that JSON requires are escaped, and Unicode is not normalised.
- A float without a fraction is written as an integer: `2.0` becomes `2`, `-0.0` becomes `0`. Other
  floats are written in the shortest form that reads back: `1e-07`.
- Integers are exact, up to {digits:,} digits. NaN and infinities are refused.
- A value nests at most {depth} deep.
- A key that an object has twice is refused.

| value | canonical JSON |
|---|---|
"""

_SAMPLES: tuple[tuple[str, Any], ...] = (
    ('{ "b": 1, "a": [2.0, 0.1] }', {"b": 1, "a": [2.0, 0.1]}),
    ('{ "text": "Zo\\u00eb", "big": 1e21 }', {"text": "Zoë", "big": 1e21}),
    ('{ "tiny": 0.0000001, "none": null }', {"tiny": 0.0000001, "none": None}),
)

_ID = """
## The id

The id is the SHA-256 of the canonical JSON of seven fields, as 64 lower-case hex digits. `judged_by` is
left out. This text

```json
{text}
```

has the id

```text
{id}
```

Two consequences follow:

- A record that is posted twice is one record. The second answer has the same id and says `duplicate`.
- Another content has another id. If the same actor has already used the same clock on the same thread
  for other content, the daemon answers 400 `INGEST_FAILED`.

## What the store adds

Answers carry three more values, which are not part of the record: `sequence` is its place in this log,
`received_at` is the time at which this log took it (unix seconds), and `object` is `record`. Records
carry no wall time of their own; a body that needs one has `at`, in unix seconds.

## Order

Folds read the records of a thread by clock, then parents before children, then by id. The order follows
from content alone, so two logs with the same records fold to the same state, in whatever order the
records arrived.
"""


def record_page() -> str:
    if set(_FIELDS) != FIELDS or set(_ACT_MEANING) != ACTS:
        raise KeyError("a field or an act of the record has no explanation")
    example = Record("th_docs", "did:sync:user:ada", "KNOW", {"text": "page 1 is read"}, 7).identified()
    fields = table(("field", "kind", "meaning"), [(f"`{name}`", *told) for name, told in _FIELDS.items()])
    acts = table(("act", "meaning"), [(f"`{name}`", told) for name, told in _ACT_MEANING.items()])
    samples = "\n".join(f"| `{text}` | `{canonical_json(value)}` |" for text, value in _SAMPLES)
    reserved = ", ".join(f"`{name}`" for name in sorted(RESERVED))
    return page(
        "Record",
        "syncropel/record",
        "A record is an immutable statement of one actor on one thread. It has eight fields.",
        fields,
        "## Acts",
        acts,
        _RULES.strip().format(digits=MAX_INT_DIGITS, depth=MAX_DEPTH) + "\n" + samples,
        _ID.strip().format(text=hash_input(example), id=example.id),
        f"## Reserved threads\n\nThe engine keeps its own state on these threads: {reserved}. "
        f"[Topics](topics.md) lists what is written there.",
    )
