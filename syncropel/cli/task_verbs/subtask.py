"""The `--subtask` flag: `goal=…,target=…,budget=0.50,timeout=300,depends=0+1,adapter=bash`.

A value that contains a comma is quoted as a whole, `goal="first this, then that"`, with either kind of quote;
inside, a backslash escapes the quote or itself. Elsewhere quotes and backslashes are literal, so that most
shell commands can be typed as they are.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Any, Final

from syncropel.errors import InvalidFanOut

KEYS: Final = (
    "goal",
    "target",
    "budget",
    "timeout",
    "depends",
    "adapter",
    "model",
    "budget_tokens",
    "denied",
    "repo",
)
_HINT: Final = f"keys: {', '.join(KEYS)}"
_WIRE_NAMES: Final = {"budget": "budget_usd", "timeout": "timeout_secs", "depends": "depends_on"}


def parse_subtasks(flags: Sequence[str]) -> list[dict[str, Any]]:
    """The subtasks of the `--subtask` flags, in the API's form.

    Raises InvalidFanOut naming the subtask and the key. Cycles and indexes out of range are left to the
    daemon, which checks them for every client.
    """
    return [parse_subtask(index, flag) for index, flag in enumerate(flags)]


def parse_subtask(index: int, flag: str) -> dict[str, Any]:
    """One flag as one subtask. Raises InvalidFanOut."""
    where = f"subtask {index}"
    values: dict[str, str] = {}
    for key, value in _pairs(where, flag):
        if key in values:
            raise InvalidFanOut(f"{where}: {key} is given twice", _HINT)
        values[key] = value
    for key in ("goal", "target"):
        if key not in values:
            raise InvalidFanOut(f"{where}: {key} is missing", f"add {key}=…; {_HINT}")
    return {_WIRE_NAMES.get(key, key): _wire_value(where, key, value) for key, value in values.items()}


def _pairs(where: str, flag: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(flag):
        equals, comma = flag.find("=", at), flag.find(",", at)
        end = comma if comma >= 0 else len(flag)
        if equals < 0 or equals > end:
            raise _not_a_pair(where, flag[at:end], pairs)
        key = _known_key(where, flag[at:equals].strip(), pairs)
        value, at = _value(where, key, flag, equals + 1)
        if not value.strip():
            raise InvalidFanOut(f"{where}: {key} is empty", _HINT)
        pairs.append((key, value))
    return pairs


def _value(where: str, key: str, flag: str, start: int) -> tuple[str, int]:
    """The value that starts here, and where the next pair starts."""
    first = start + len(flag[start:]) - len(flag[start:].lstrip())
    if flag[first : first + 1] not in ("'", '"'):
        comma = flag.find(",", start)
        end = comma if comma >= 0 else len(flag)
        return flag[start:end].strip(), end + 1
    value, after = _quoted(where, key, flag, first)
    rest = flag[after:].lstrip()
    if rest and not rest.startswith(","):
        raise InvalidFanOut(
            f"{where}: unexpected text after the closing quote of {key}: {rest[:20]!r}",
            "quote the whole value, and put a backslash before quotes inside it",
        )
    return value, len(flag) - len(rest) + 1


def _quoted(where: str, key: str, flag: str, start: int) -> tuple[str, int]:
    quote, at, value = flag[start], start + 1, ""
    while at < len(flag):
        char = flag[at]
        if char == "\\" and flag[at + 1 : at + 2] in (quote, "\\"):
            value += flag[at + 1]
            at += 2
        elif char == quote:
            return value, at + 1
        else:
            value += char
            at += 1
    raise InvalidFanOut(
        f"{where}: {key} has no closing {quote}", "end the value with the quote it starts with"
    )


def _known_key(where: str, key: str, pairs: Sequence[tuple[str, str]]) -> str:
    if key in KEYS:
        return key
    if not key:
        raise InvalidFanOut(f"{where}: a key is missing before =", _HINT)
    near = difflib.get_close_matches(key, KEYS, n=1)
    if not near and pairs and not key.isidentifier():
        raise _not_a_pair(where, key, pairs)
    raise InvalidFanOut(
        f"{where}: unknown key {key!r}", f"did you mean {near[0]}? {_HINT}" if near else _HINT
    )


def _not_a_pair(where: str, text: str, pairs: Sequence[tuple[str, str]]) -> InvalidFanOut:
    if not text.strip():
        return InvalidFanOut(f"{where}: there is nothing between two commas", _HINT)
    if pairs:
        key = pairs[-1][0]
        hint = f'a value with a comma in it is quoted: {key}="…, …"; {_HINT}'
        return InvalidFanOut(f"{where}: {text.strip()!r}, after {key}, is not key=value", hint)
    return InvalidFanOut(f"{where}: {text.strip()!r} is not key=value", _HINT)


def _wire_value(where: str, key: str, value: str) -> Any:
    if key in ("budget", "timeout"):
        return _number(where, key, value)
    if key == "depends":
        return _indexes(where, value)
    if key == "budget_tokens":
        return _tokens(where, value)
    return value


def _tokens(where: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise InvalidFanOut(
            f"{where}: budget_tokens must be a whole number above 0, not {text!r}",
            "for example budget_tokens=200000",
        )
    return int(text)


def _number(where: str, key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0 or "_" in text:
        unit = "US dollars" if key == "budget" else "seconds"
        example = "0.50" if key == "budget" else "300"
        raise InvalidFanOut(
            f"{where}: {key} must be a number above 0, not {text!r}", f"{unit}, for example {key}={example}"
        )
    return value


def _indexes(where: str, text: str) -> list[int]:
    parts = [part.strip() for part in text.split("+")]
    for part in parts:
        if not (part.isascii() and part.isdecimal()):
            raise InvalidFanOut(
                f"{where}: depends must be indexes of other subtasks, not {text!r}",
                "indexes count from 0 and are joined by +, for example depends=0+1",
            )
    return [int(part) for part in parts]
