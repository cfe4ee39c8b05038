"""`spl adapter`: which adapters the instances of the fleet have, and what each can."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_list_verb, verbs
from syncropel.cli.support.terminal import clean, complain, is_json, print_json, say, table

if TYPE_CHECKING:
    from syncropel.wire import AdapterOut, InstanceOut

_ABLE = ("text", "tools", "tokens", "resume", "messages", "permissions", "denials")


def configure(parser: Parser) -> None:
    group = verbs(parser)
    listing = add_list_verb(
        group, "list", "list the adapters of every instance, with their capabilities", ["name"]
    )
    listing.add_argument("instance", nargs="?", metavar="INSTANCE", help="only those of this one")
    listing.set_defaults(run=run_list)


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        if args.instance:
            instances = [client.send(calls.instance(args.instance))]
        else:
            instances = client.send(calls.fleet_status()).instances
    told: list[tuple[str, AdapterOut]] = [
        (one.alias or one.did, adapter) for one in instances for adapter in one.adapters or []
    ]
    if is_json(args):
        data = [{"instance": name, **adapter.model_dump(mode="json")} for name, adapter in told]
        print_json({"object": "list", "data": data, "next_cursor": None})
        return 0
    rows = [[name, *_row(adapter)] for name, adapter in told]
    say(*table(["INSTANCE", "ADAPTER", "TYPE", "MAX", "ISOLATION", "COST KNOWN", "CAN", "MODELS"], rows))
    for name, adapter in told:
        if adapter.problem:
            what = "has a problem" if adapter.usable else "cannot be used"
            say(clean(f"{adapter.name} on {name} {what}: {adapter.problem}"))
    for one in instances:
        if one.adapters is None:
            say(
                clean(
                    f"{one.alias or one.did} has not reported its adapters: "
                    "it is older, or was not heard from yet"
                )
            )
    return 0


def warn_of_adapters(instances: Iterable[InstanceOut]) -> None:
    """Warn on stderr about adapters that cannot be used, or lack something."""
    for one in instances:
        for adapter in one.adapters or []:
            if adapter.problem:
                told = f"warning: adapter {adapter.name} of {one.alias}: {adapter.problem}"
                complain(clean(told), "spl adapter list")


def _row(adapter: AdapterOut) -> list[str]:
    can: dict[str, Any] = dict(adapter.capabilities)
    return [
        adapter.name,
        adapter.type,
        str(adapter.max_concurrent or "-"),
        "?" if adapter.isolation is None else adapter.isolation or "-",
        str(can.get("cost", "-")),
        ",".join(name for name in _ABLE if can.get(name)) or "-",
        ",".join(adapter.models) or "-",
    ]
