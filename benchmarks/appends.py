"""Durable appends over HTTP, the daemon beside its floor."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.place import fleet, process
from benchmarks.table import Table

CONNECTIONS = (1, 8, 64)
ROUNDS = 5
SECS = 1.2
AIMS = {1: "≥ 70%", 8: "", 64: "≥ 50%"}


def rate(port: str, token: str, connections: int, round_: str) -> float:
    """Appends per second, as a load generator of its own counts them."""
    words = ("benchmarks.load", port, token, str(connections), str(SECS), round_)
    with process(*words) as load:
        assert load.stdout is not None
        return float(load.stdout.read())


def run() -> Table:
    """Rounds in turn, floor and daemon, so that a machine that slows down slows both."""
    table = Table(
        "Durable appends over HTTP (records/s, medians)",
        ["connections", "floor", "daemon", "daemon/floor", "aim"],
        notes=[
            "floor: parse, hash and the same group commit, nothing else. Both sync to disk before answering."
        ],
    )
    with (
        tempfile.TemporaryDirectory(prefix="spl-floor-") as folder,
        process("benchmarks.floor", str(Path(folder) / "floor.db")) as floor,
        fleet(0) as place,
    ):
        assert floor.stdout is not None
        floor_port, port = floor.stdout.readline().strip(), place.url.rpartition(":")[2]
        for connections in CONNECTIONS:
            under, ours = [], []
            for number in range(ROUNDS):
                round_ = f"{connections}-{number}"
                under.append(rate(floor_port, "none", connections, round_))
                ours.append(rate(port, place.token, connections, round_))
            ratio = median(mine / theirs for mine, theirs in zip(ours, under, strict=True))
            table.add(
                str(connections),
                f"{median(under):,.0f}",
                f"{median(ours):,.0f}",
                f"{ratio:.0%}",
                AIMS[connections],
            )
    return table
