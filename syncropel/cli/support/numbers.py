"""How numbers are formatted: durations, money, sizes."""

from __future__ import annotations


def wall(secs: float) -> str:
    """A wall time without its unit: whole seconds from one up, below that the significant digits."""
    if secs >= 0.95:
        return str(int(secs + 0.5))
    if secs == 0:
        return "0"
    return f"{secs:.1f}" if secs >= 0.095 else f"{secs:.3f}"


def precise(secs: float) -> str:
    """A measured time with its unit: tenths below a minute, where they matter."""
    return f"{max(0.0, secs):.1f}s" if secs < 59.95 else duration(secs)


def duration(secs: float) -> str:
    """`5s`, `3m12s`, `2h05m`, `3d04h`."""
    whole = max(0, int(secs))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def dollars(usd: float, places: int = 2) -> str:
    """`$0.42`"""
    return f"${usd:.{places}f}"


def ratio(value: float | None) -> str:
    """`2.00×`, or a dash when there is nothing to compare."""
    return "—" if value is None else f"{value:.2f}×"


def seconds(secs: float) -> str:
    """A setting in seconds, without a superfluous `.0`."""
    return f"{secs:g}s"


def size(count: int) -> str:
    """`512 B`, `1.2 MB` (powers of 1,000)."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"
