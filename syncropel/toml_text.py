"""Edits TOML that people edit too: values change, and comments, order, and line endings stay.

tomlkit and tomllib take a moment to import, and few commands write a setting: they are imported when used.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

REMOVED: Final = object()
"""As a change: removes the key."""

Changes = Mapping[tuple[str, ...], Any]
"""The path of a key, such as `("fleet", "alias")`, and its new value or `REMOVED`."""


def edited(text: str, changes: Changes) -> str:
    """TOML text with these changes made. Raises ValueError when the text is not TOML or cannot be edited."""
    import tomllib

    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = tomllib.loads(text)
    try:
        document = tomlkit.parse(text)
        for keys, value in changes.items():
            _change(document, keys, value, tomlkit.table, _inline)
            _change(wanted, keys, value, dict, dict)
        result = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError) as error:
        raise ValueError(f"it cannot be edited: {error}") from None
    # Tables may be spread over a file in ways that are easy to get wrong: the result is always verified.
    if _without_empty(tomllib.loads(result)) != _without_empty(wanted):
        raise ValueError("it cannot be edited: a table in it is defined in several places")
    return result


def _without_empty(table: dict[str, Any]) -> dict[str, Any]:
    """The same without empty tables: a table that loses its last key is not written any more."""
    kept = {key: _without_empty(one) if isinstance(one, dict) else one for key, one in table.items()}
    return {key: one for key, one in kept.items() if one != {}}


def _change(
    document: MutableMapping[str, Any],
    keys: tuple[str, ...],
    value: Any,
    table: Callable[[], Any],
    inline: Callable[[dict[str, Any]], Any],
) -> None:
    *tables, key = keys
    for name in tables:
        if name not in document:
            with _before_trailing_comments(document):
                document[name] = table()
        document = document[name]
    if value is REMOVED:
        document.pop(key, None)
    elif key in document:
        # In place of a plain value, a table would swallow the keys that follow it.
        in_line = isinstance(value, dict) and not isinstance(document[key], dict)
        document[key] = inline(value) if in_line else value
    else:
        with _before_trailing_comments(document):
            document[key] = value


def _inline(value: dict[str, Any]) -> Any:
    import tomlkit

    table = tomlkit.inline_table()
    table.update(value)
    return table


@contextmanager
def _before_trailing_comments(table: Any) -> Iterator[None]:
    """Add keys after the table's last one: a comment below that usually belongs to the next table."""
    body = getattr(getattr(table, "value", None), "body", None)
    trailing = []
    while isinstance(body, list) and body and body[-1][0] is None:
        trailing.append(body.pop())
    yield
    if isinstance(body, list):
        body.extend(reversed(trailing))


def read(path: Path) -> str:
    """The text of a file with its line endings; empty when it does not exist.

    Raises OSError, and ValueError when it is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""


def write(path: Path, text: str) -> None:
    """Replace a file atomically; its permissions stay, and a symbolic link keeps pointing to it.

    Raises OSError, and ValueError for text that UTF-8 cannot represent.
    """
    content, place = text.encode(), path.resolve()
    draft = place.with_name(f".{place.name}.new")
    draft.write_bytes(content)
    with suppress(FileNotFoundError):  # a new file has the permissions that the umask gives
        draft.chmod(stat.S_IMODE(place.stat().st_mode))
    draft.replace(place)
