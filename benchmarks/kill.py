"""The kill switch: how soon the last instance has confirmed, and what freezes cost those who write."""

from __future__ import annotations

from statistics import median

from benchmarks.appends import rate
from benchmarks.place import Place, fleet
from benchmarks.table import Table
from syncropel.client import calls

INSTANCES = {2: 40, 8: 40, 32: 10}
"""Instances → freezes."""
FREEZES = (0, 1, 1000)
ROUNDS = 3
CONNECTIONS = 8
ACTOR = "did:sync:user:bench"


def _reach_ms(place: Place, number: int) -> float:
    """From the call to the moment the last instance confirmed, by the coordinator's clock."""
    name = f"bench{number}"
    asked = place.client.send(calls.fleet_status()).at
    record = place.client.send(calls.freeze({"namespace": name, "reason": "bench", "actor": ACTOR})).record
    while True:
        freezes = place.client.send(calls.fleet_status()).freezes
        (freeze,) = [one for one in freezes if one.record == record]
        if not freeze.waiting:
            break
    place.client.send(calls.unfreeze(ACTOR, name))
    return (max(one.at for one in freeze.confirmed) - asked) * 1000


def run() -> Table:
    """Whole fleets on this one machine."""
    table = Table(
        "spl kill → last confirmation (ms)",
        ["instances", "p50", "p99", "aim p99"],
        notes=["All instances share this machine's cores."],
    )
    for instances, freezes in INSTANCES.items():
        with fleet(instances - 1) as place:
            times = sorted(_reach_ms(place, number) for number in range(freezes))
        late = times[min(len(times) - 1, int(len(times) * 0.99))]
        table.add(str(instances), f"{median(times):.0f}", f"{late:.0f}", "< 100" if instances == 8 else "")
    return table


def run_freezes() -> Table:
    """Appends at 8 connections with so many freezes of other namespaces in force."""
    table = Table("Ingest under freezes (records/s, medians)", ["freezes", "records/s", "of none", "aim"])
    rates: dict[int, list[float]] = {count: [] for count in FREEZES}
    with fleet(0) as place:
        port = place.url.rpartition(":")[2]
        present = 0
        for round_ in range(ROUNDS):
            for count in FREEZES:
                present = _set_freezes(place, present, count)
                rates[count].append(rate(port, place.token, CONNECTIONS, f"f{count}-{round_}"))
    for count, measured in rates.items():
        ratio = median(some / none for some, none in zip(measured, rates[0], strict=True))
        table.add(f"{count:,}", f"{median(measured):,.0f}", f"{ratio:.0%}", "≥ 95%" if count else "")
    return table


def _set_freezes(place: Place, present: int, wanted: int) -> int:
    for number in range(present, wanted):
        place.client.send(calls.freeze({"namespace": f"other/n{number}", "reason": "bench", "actor": ACTOR}))
    for number in range(wanted, present):
        place.client.send(calls.unfreeze(ACTOR, f"other/n{number}"))
    return wanted
