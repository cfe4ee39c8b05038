"""How the console formats numbers, durations, and foreign text."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime
from typing import Final

NOTHING: Final = "–"


def full_time(at: float) -> str:
    """Date and time in the console's time zone, with the zone."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f %Z")


def duration(secs: float | None) -> str:
    """At most two units: `9s`, `4m 02s`, `3h 05m`, `12d 4h`. Negative values count as zero."""
    if secs is None or not math.isfinite(secs):
        return NOTHING
    whole = max(0, int(secs))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def long_duration(secs: float | None) -> str:
    """A duration whose seconds do not matter: `27m`, `3h 05m`. It changes, and repaints, rarely."""
    text = duration(secs)
    return text.partition(" ")[0] if "m " in text and text.endswith("s") else text


def age(secs: float | None) -> str:
    """The age of something healthy: `<10s`, `20s`, `27m`, `3h 05m`. It changes, and repaints, rarely."""
    if secs is None or not math.isfinite(secs) or secs >= 60:
        return long_duration(secs)
    return "<10s" if secs < 10 else f"{int(secs) // 10 * 10}s"


def took(secs: float) -> str:
    """A short duration: `46 µs`, `1.2 ms`, `340 ms`; from a second up, as `wall`."""
    if secs >= 1:
        return wall(secs)
    if secs < 0.001:
        return f"{secs * 1e6:.0f} µs"
    return f"{secs * 1000:.1f} ms" if secs < 0.01 else f"{secs * 1000:.0f} ms"


def wall(secs: float | None) -> str:
    """A measured time; with tenths below a minute, where they matter."""
    if secs is None or not math.isfinite(secs):
        return NOTHING
    return f"{max(0.0, secs):.1f}s" if secs < 60 else duration(secs)


def money(usd: float) -> str:
    """US dollars, with four digits below a cent, so that small costs do not read as none."""
    return f"${usd:.4f}" if 0 < abs(usd) < 0.01 else f"${usd:,.2f}"


def spend(usd: float, budget: float | None) -> str:
    """The amount spent, out of the budget."""
    return money(usd) if budget is None else f"{money(usd)}/{money(budget)}"


def paid(usd: float, budget: float | None, *, unknown: bool) -> str:
    """The amount spent, which may be unknown: then it is never shown as zero."""
    if not unknown:
        return spend(usd, budget)
    return f">{money(usd)}" if usd else "unknown"


def count(number: float | None) -> str:
    """A count that stays short: 950, 12.4k, 3.1M."""
    if number is None:
        return NOTHING
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if number >= size:
            return f"{number / (1e3 if unit == 'k' else size):.1f}{unit}"
    return f"{number:.0f}"


_UNSAFE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that a terminal acts on, hides, or breaks lines at."""


class _Safe(dict[int, str]):
    """What each character is drawn as, by its code, for `str.translate`: looked up once, not for every letter
    of a result of many lines, each second.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        drawn = char if char == "\n" or unicodedata.category(char) not in _UNSAFE else " "
        if len(self) < _MOST_KNOWN:
            self[code] = drawn
        return drawn


_SAFE: Final = _Safe()
_TABS: Final = "    "
_MOST_KNOWN: Final = 10_000


_FILLERS: Final = re.compile("[\u115f\u1160\u3164\uffa0]")
"""Hangul fillers: printable, and drawn as nothing, in as many cells as a terminal likes: they shift a row."""


def plain(text: str) -> str:
    """Foreign text without anything a terminal would act on, or draw as wide as it likes: escapes, direction
    marks, odd line breaks, fillers.
    """
    if text.isprintable():  # nearly all text is; checking each letter took half the time of making a row
        return str(text) if text.isascii() else _FILLERS.sub(" ", text)
    return _FILLERS.sub(" ", text.replace("\t", _TABS).replace("\r\n", "\n").translate(_SAFE))


_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as printable and are drawn as nothing: fillers and variation selectors."""


def escaped(text: str) -> str:
    """Foreign text, exact: what a terminal would act on, or would not show, is shown as an escape."""
    text = text.replace("\t", _TABS)
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() or unicodedata.category(char) == "Zs" else _escape(char)
            for char in text
        )
    return text if text.isascii() else _UNSEEN.sub(lambda found: _escape(found[0]), text)


def is_altered(text: str) -> bool:
    """Whether a line has characters that are drawn as escapes, other than a carriage return at its end."""
    if text.isascii() and text.isprintable():
        return False
    text = text.replace("\t", "").removesuffix("\r")
    return escaped(text) != text


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def first_line(text: str) -> str:
    """The first non-blank line; an ellipsis marks that there is more."""
    lines = [line.strip() for line in plain(text).splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"


def tail(identifier: str, length: int = 8) -> str:
    """The end of a DID or thread id, which is the part that differs: `…62ce1314`."""
    last = identifier.rsplit(":", 1)[-1].removeprefix("th_")
    return last if len(last) <= length else f"…{last[-length:]}"
