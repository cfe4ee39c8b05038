"""Numbers as a person reads them: ages, durations, money, sizes, counts. Durations are in seconds."""

from __future__ import annotations


def duration(secs: float) -> str:
    """To the second, for what is watched: `5s`, `3m12s`, `2h05m`, `3d04h`."""
    whole = max(0, int(secs))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return coarse(whole)


def coarse(secs: float) -> str:
    """To the minute, for what merely goes on: `<1m`, `3m`, `2h05m`, `3d04h`. It changes once a minute."""
    whole = max(0, int(secs))
    if whole < 60:
        return "<1m"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def wall(secs: float | None) -> str:
    """A measured duration: `0.42s`, `1.5s`, `12s`, `3m12s`; nothing when there is none."""
    if secs is None:
        return ""
    if secs < 1:
        return f"{secs:.2f}s"
    return f"{secs:.1f}s" if secs < 9.95 else duration(secs + 0.5)


def dollars(usd: float) -> str:
    """`$0.42`"""
    return f"${usd:,.2f}"


def spend(cost_usd: float, budget_usd: float | None) -> str:
    """`$0.12 of $0.50`"""
    return dollars(cost_usd) if budget_usd is None else f"{dollars(cost_usd)} of {dollars(budget_usd)}"


def size(count: int) -> str:
    """Bytes: `512 B`, `1.2 MB` (powers of 1,000)."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def per_second(rate: float) -> str:
    """`12.3/s`"""
    return f"{rate:.1f}/s" if rate < 99.95 else f"{rate:,.0f}/s"
