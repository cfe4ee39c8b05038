"""Text functions: those of the CEL specification, and of its `strings` extension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from syncropel.cel.budget import Budget
from syncropel.cel.comparing import holds
from syncropel.cel.formatting import format_text
from syncropel.cel.patterns import matches
from syncropel.cel.values import CelError

_SPACE: Final = "".join(map(chr, (*range(9, 14), 32, 133, 160, 0x1680, *range(0x2000, 0x200B)))) + (
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White space for `trim`."""
_QUOTED: Final = (
    ("\\", r"\\"),
    ('"', r"\""),
    ("\a", r"\a"),
    ("\b", r"\b"),
    ("\f", r"\f"),
    ("\n", r"\n"),
    ("\r", r"\r"),
    ("\t", r"\t"),
    ("\v", r"\v"),
)
"""What `strings.quote` escapes, the backslash first."""


def _within(text: str, place: int, most: int) -> int:
    if not 0 <= place <= most:
        raise CelError(f"index out of range: {place} in a text of {len(text)} characters")
    return place


def _char_at(budget: Budget, text: str, place: int) -> str:
    return text[_within(text, place, len(text)) : place + 1]


def _index_of(budget: Budget, text: str, part: str, start: int = 0) -> int:
    return text.find(part, _within(_searched(budget, text), start, len(text)))


def _last_index_of(budget: Budget, text: str, part: str, start: int | None = None) -> int:
    last = len(text) - len(part)
    if start is not None and (text or start):
        last = min(last, _within(text, start, len(text) - 1))
    if last < 0:
        return -1
    # Python's search from the end takes text × part on repetitive text; its search from the front does not.
    backwards = _made(budget, _searched(budget, text))[::-1]
    found = backwards.find(part[::-1], len(text) - len(part) - last)
    return -1 if found < 0 else len(text) - len(part) - found


def _searched(budget: Budget, text: str) -> str:
    budget.spend(len(text) >> 6)
    return text


def _contains(budget: Budget, text: str, part: str) -> bool:
    return part in _searched(budget, text)


def _starts(budget: Budget, text: str, part: str) -> bool:
    budget.spend(len(part) >> 10)
    return text.startswith(part)


def _ends(budget: Budget, text: str, part: str) -> bool:
    budget.spend(len(part) >> 10)
    return text.endswith(part)


def _made(budget: Budget, text: str) -> str:
    budget.build(len(text))
    return text


def _replace(budget: Budget, text: str, old: str, new: str, times: int = -1) -> str:
    _searched(budget, text)
    most = text.count(old) if times < 0 else min(text.count(old), times)
    budget.build(max(len(text), len(text) + most * (len(new) - len(old))))
    return text.replace(old, new, times)


def _split(budget: Budget, text: str, by: str, times: int = -1) -> list[str]:
    _searched(budget, text)
    if times == 0:
        return []
    if times == 1:
        return [text]
    most = (text.count(by) if by else len(text)) + 1
    budget.build(len(text))
    budget.spend(min(most, times) if times > 0 else most)
    if by:
        return text.split(by, times - 1 if times > 0 else -1)
    if 0 < times < len(text):
        return [*text[: times - 1], text[times - 1 :]]
    return list(text)


def _join(budget: Budget, items: list[Any], by: str = "") -> str:
    budget.spend(len(items))
    if not all(item.__class__ is str for item in items):
        raise CelError("no such overload: join takes a list of strings")
    budget.build(sum(map(len, items)) + len(by) * max(0, len(items) - 1))
    return by.join(items)


def _substring(budget: Budget, text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else _within(text, end, len(text))
    return _made(budget, text[_within(text, start, stop) : stop])


def _quote(budget: Budget, text: str) -> str:
    budget.build(2 * len(text))
    for bare, escaped in _QUOTED:
        text = _searched(budget, text).replace(bare, escaped)
    return f'"{text}"'


def _lower(budget: Budget, text: str) -> str:
    # Methods of bytes handle ASCII letters only, and are a hundred times faster than `translate`.
    return _made(budget, text).encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _upper(budget: Budget, text: str) -> str:
    return _made(budget, text).encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


def _size(budget: Budget, of: Any) -> int:
    return len(of)


def _contains_any(budget: Budget, container: Any, item: Any) -> bool:
    return holds(container, item, budget)


_Overloads = dict[tuple[type, ...], Callable[..., Any]]
STRINGS: Final[dict[str, _Overloads]] = {
    "charAt": {(str, int): _char_at},
    "contains": {(str, str): _contains},
    "endsWith": {(str, str): _ends},
    "format": {(str, list): format_text},
    "indexOf": {(str, str): _index_of, (str, str, int): _index_of},
    "join": {(list,): _join, (list, str): _join},
    "lastIndexOf": {(str, str): _last_index_of, (str, str, int): _last_index_of},
    "lowerAscii": {(str,): _lower},
    "matches": {(str, str): matches},
    "replace": {(str, str, str): _replace, (str, str, str, int): _replace},
    "reverse": {(str,): lambda budget, text: _made(budget, text)[::-1]},
    "size": {(kind,): _size for kind in (str, bytes, list, dict)},
    "split": {(str, str): _split, (str, str, int): _split},
    "startsWith": {(str, str): _starts},
    "strings.quote": {(str,): _quote},
    "substring": {(str, int): _substring, (str, int, int): _substring},
    "trim": {(str,): lambda budget, text: _made(budget, text).strip(_SPACE)},
    "upperAscii": {(str,): _upper},
}
"""Name → argument classes → implementation, which takes a budget and the arguments."""
# For rules of earlier versions: null has no members, and a list contains its elements.
STRINGS["size"][(type(None),)] = lambda budget, of: 0
for _kind in (str, int, float, bool, type(None)):
    STRINGS["contains"] |= {(list, _kind): _contains_any, (dict, _kind): _contains_any}
