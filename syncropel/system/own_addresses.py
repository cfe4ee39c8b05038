"""Which addresses are this machine's own."""

from __future__ import annotations

import socket

import psutil


def own_addresses() -> list[str]:
    """Those of every interface that is up, without loopback: IPv4 first."""
    up = {name for name, one in psutil.net_if_stats().items() if one.isup}
    every = [one for name, found in psutil.net_if_addrs().items() if name in up for one in found]
    four = [one.address for one in every if one.family == socket.AF_INET]
    six = [one.address for one in every if one.family == socket.AF_INET6 and "%" not in one.address]
    return [one for one in dict.fromkeys([*four, *six]) if not one.startswith("127.") and one != "::1"]


def is_ours(address: str) -> bool:
    """Whether a process of this machine may have connected from this address."""
    plain = address.removeprefix("::ffff:").partition("%")[0]
    if plain.startswith("127.") or plain == "::1":
        return True
    return any(
        plain == one.address.partition("%")[0] for found in psutil.net_if_addrs().values() for one in found
    )
