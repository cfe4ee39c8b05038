"""Canonical JSON: each value has exactly one text, whoever writes it, so its hash identifies the value.

Keys are sorted by code point at every depth; no white space; UTF-8 without escapes beyond those JSON
requires; integral floats are written as integers, other floats in the shortest form that round-trips.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring
from typing import Any, Final

from syncropel.errors import InvalidRecord, RepeatedKey

MAX_DEPTH: Final = 200
MAX_INT_DIGITS: Final = 4300
_SHOWN_CHARS: Final = 80
_WHITE: Final = " \t\n\r"


def _no_constant(name: str) -> Any:
    raise InvalidRecord(f"{name} is not JSON: numbers must be finite", "send null, or the number as a string")


def _parse_float(text: str) -> float | int:
    number = float(text)
    if number.is_integer():
        return int(number)
    return number


def _parse_int(text: str) -> int:
    if len(text) > MAX_INT_DIGITS and len(text.lstrip("-")) > MAX_INT_DIGITS:
        raise InvalidRecord(
            f"an integer of {len(text)} characters is over the limit of {MAX_INT_DIGITS}",
            "send it as a string",
        )
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                break
            seen.add(key)
        raise RepeatedKey(f"the key {key[:_SHOWN_CHARS]!r} occurs twice in one object", "send each key once")
    return made


_own_decoder: Final = json.JSONDecoder(
    parse_float=_parse_float, parse_int=_parse_int, parse_constant=_no_constant
)
# With a duplicate key, each reader picks one of the values: one part may check what another does not obey.
_decoder: Final = json.JSONDecoder(
    parse_float=_parse_float, parse_int=_parse_int, parse_constant=_no_constant, object_pairs_hook=_once
)
_SCANS: Final[dict[json.JSONDecoder, Callable[[str, int], tuple[Any, int]]]] = {
    decoder: vars(decoder)["scan_once"] for decoder in (_own_decoder, _decoder)
}
"""What a decoder does between white space: most values come without any."""
_encoder: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=True
)
# The C encoder with the same options, built once instead of per call. It does no cycle check, which is safe:
# nothing deeper than MAX_DEPTH gets here. Not every interpreter has it.
_make_encoder: Final = getattr(json.encoder, "c_make_encoder", None)
_write: Final[Callable[[Any, int], Iterable[str]] | None] = _make_encoder and _make_encoder(
    None, _encoder.default, encode_basestring, None, ":", ",", True, False, False
)
_NORMAL: Final = frozenset({str, int, bool, type(None)})


def parse_json(raw: bytes | str) -> Any:
    """Read JSON so that writing it again yields canonical bytes: integral floats become integers here.

    Raises InvalidRecord for invalid JSON, duplicate keys in an object, NaN, infinities, and nesting that is
    too deep.
    """
    return _read(_decoder, raw)


def parse_own(text: str) -> Any:
    """Like `parse_json`, but faster, for text that this program wrote: it cannot contain duplicate keys."""
    return _read(_own_decoder, text)


def _read(decoder: json.JSONDecoder, raw: bytes | str) -> Any:
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        try:
            value, end = _SCANS[decoder](text, 0)
        except StopIteration:
            return decoder.decode(
                text
            )  # nothing begins there: it is white space, or the error has to be told
        return value if not text[end:].strip(_WHITE) else decoder.decode(text)
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"not UTF-8 at byte {error.start}", "send JSON in UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidRecord(
            f"not JSON at line {error.lineno} column {error.colno}: {error.msg}", "send one JSON value"
        ) from None
    except RecursionError:
        raise InvalidRecord("JSON nested too deeply", f"keep it under {MAX_DEPTH} levels") from None
    except OverflowError:
        raise InvalidRecord("a number is beyond what a 64-bit float holds", "send it as a string") from None


def canonical_json(value: Any) -> str:
    """Canonical JSON text of a value made of dict, list, tuple, str, int, float, bool, and None.

    Raises InvalidRecord for NaN, infinities, lone surrogates, non-string keys, and other types.
    """
    kind = type(value)
    if (kind is dict or kind is list) and _is_normal(value, 0):
        return _encode(value)
    return _encode(_normalise(value, 0))


def _encode(value: Any) -> str:
    try:
        text = "".join(_write(value, 0)) if _write is not None else _encoder.encode(value)
        if not text.isascii():
            text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRecord("a string contains a lone surrogate", "send whole Unicode characters") from None
    except ValueError as error:
        raise InvalidRecord(
            f"a number has no JSON representation: {error}", "numbers must be finite"
        ) from None
    except RecursionError:
        raise InvalidRecord("JSON nested too deeply", f"keep it under {MAX_DEPTH} levels") from None
    return text


def _is_normal(value: dict[str, Any] | list[Any], depth: int) -> bool:
    """Whether `_normalise` would return an equal value: the common case, detected without building one."""
    if depth >= MAX_DEPTH and value:
        return False
    items: Iterable[Any] = value
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    for item in items:
        kind = type(item)
        if kind in _NORMAL:
            continue
        if kind is float:
            if item.is_integer():
                return False
        elif not ((kind is dict or kind is list) and _is_normal(item, depth + 1)):
            return False
    return True


def _normalise(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidRecord("JSON nested too deeply", f"keep it under {MAX_DEPTH} levels")
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise InvalidRecord(f"{key!r} is not a JSON key", "keys must be strings")
        return {key: _normalise(item, depth + 1) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_normalise(item, depth + 1) for item in value]
    raise InvalidRecord(
        f"{kind.__name__} has no JSON representation", "use strings, numbers, lists and objects"
    )
