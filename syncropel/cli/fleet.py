"""`spl fleet`: start, stop, and inspect a fleet of instances."""

from __future__ import annotations

import sys
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from syncropel.cli import fleet_join, fleet_promote, fleet_relink, fleet_tls
from syncropel.cli.adapter import warn_of_adapters
from syncropel.cli.support.agreeing import agree
from syncropel.cli.support.connect import connect, import_client, this_home
from syncropel.cli.support.parsing import (
    Parser,
    UsageError,
    add_list_verb,
    add_output,
    add_verb,
    port,
    positive,
    verbs,
)
from syncropel.cli.support.progress import ProgressLines, replace_line
from syncropel.cli.support.terminal import clean, complain, is_json, print_json, say
from syncropel.cli.text import fleet as fleet_text
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.launcher.local import Local
    from syncropel.wire import FleetStatus, InstanceOut


def configure(parser: Parser) -> None:
    group = verbs(parser)
    fleet_relink.configure(group)
    _configure_start(group)
    _configure_stop(group)
    _configure_revoke(group)
    fleet_promote.configure(group)
    fleet_tls.configure(group)
    fleet_join.configure(group, run_revoke)
    listing = add_list_verb(group, "list", "list the instances", ["alias", "did"])
    listing.add_argument("--all", action="store_true", help="also instances that have left or are archived")
    listing.set_defaults(run=run_list)
    status = add_verb(group, "status", "summarise the fleet")
    how = status.add_mutually_exclusive_group()
    how.add_argument("--live", action="store_true", help="keep it on screen, and refresh it on changes")
    how.add_argument(
        "--check", action="store_true", help="print only what needs attention, and exit 1 when something does"
    )
    status.set_defaults(run=run_status)
    for name, summary, run in (
        ("show", "show one instance", run_show),
        ("ping", "ask one instance whether it is reachable, and how fast", run_ping),
    ):
        verb = add_verb(group, name, summary)
        verb.add_argument("name", metavar="NAME_OR_DID", help="alias or DID of the instance")
        verb.set_defaults(run=run)


def _configure_revoke(group: Any) -> None:
    revoke = add_verb(group, "revoke", "revoke an instance's credential: it is refused at once")
    revoke.add_argument("name", metavar="NAME_OR_DID", help="alias or DID of the instance")
    revoke.add_argument("--reason", metavar="TEXT", default="", help="why, for the log")
    revoke.set_defaults(run=run_revoke)


def _configure_start(group: Any) -> None:
    start: Parser = group.add_parser(
        "start", help="start a local fleet", description="Start a coordinator and workers on this machine."
    )
    add_output(start)
    start.add_argument("--workers", type=positive, metavar="N", required=True, help="how many workers")
    start.add_argument(
        "--adapter",
        metavar="NAME",
        help="what workers do with a goal: echo answers it, bash runs it as a script, noop accepts it, or a "
        "name that config.toml has as [adapters.NAME] (default: each worker's own; echo for a new one)",
    )
    start.add_argument(
        "--share", action="store_true", help="with bash: goals run in this folder, not in a private one each"
    )
    start.add_argument("--port", type=port, metavar="P", help="the coordinator's port; 0 takes a free one")
    start.add_argument(
        "--worker-port",
        type=port,
        metavar="P",
        help="the first worker's port, counting up (default 9201); 0 takes free ones",
    )
    start.add_argument(
        "--reissue",
        action="append",
        default=[],
        metavar="NAME",
        help="readmit this revoked worker, with a new credential; repeat it for more",
    )
    start.add_argument("--yes", action="store_true", help="do not ask, however many workers there are")
    start.set_defaults(run=run_start)


def _configure_stop(group: Any) -> None:
    stop: Parser = group.add_parser(
        "stop",
        help="stop instances of this machine",
        description="Stop instances of this machine gracefully.",
    )
    which = stop.add_mutually_exclusive_group(required=True)
    which.add_argument("--workers", action="store_true", help="all workers; the coordinator stays")
    which.add_argument("--all", action="store_true", help="all workers, then the coordinator")
    which.add_argument("--instance", metavar="NAME", help="only this instance: alias or DID")
    stop.set_defaults(run=run_stop)


def run_start(args: Namespace) -> int:
    if args.share and args.adapter != "bash":
        raise UsageError("--share needs --adapter bash", "add it, or leave out --share")
    import os

    _ask_about_many(args)
    import_client()
    from syncropel.launcher.launcher import Launcher
    from syncropel.launcher.plan import FleetPlan

    plan = FleetPlan(
        workers=args.workers,
        adapter=args.adapter,
        bash_cwd=os.getcwd() if args.share else "",
        port=args.port,
        worker_port=args.worker_port,
        reissue=frozenset(args.reissue),
    )
    stream = sys.stderr if is_json(args) else sys.stdout
    launcher = Launcher(
        this_home(),
        plan,
        say=lambda line: say(line, stream=stream),
        warn=complain,
        progress=partial(replace_line, stream) if stream.isatty() else lambda _: None,
        reading=ProgressLines(stream),
    )
    status = launcher.run()
    if is_json(args):
        print_json(status)
    else:
        say("", "Fleet ready. Inspect with:", "  spl fleet list", "  spl fleet status")
    warn_of_adapters(status.instances)
    return 0


def _ask_about_many(args: Namespace) -> None:
    """Raise UsageError unless the user agrees to this many daemons on one machine."""
    from syncropel.settings.config import load_settings

    home = this_home()
    most = load_settings(home, {}).fleet.most_workers
    if args.workers <= most:
        return
    told = f"{args.workers} workers are {args.workers} daemons on this machine; the limit is {most}"
    agree(args, f"{told}; start them?", told, f"add --yes, or raise most_workers in [fleet] of {home.config}")


def run_stop(args: Namespace) -> int:
    import_client()
    from syncropel.launcher.local import Local, find_local, local_workers
    from syncropel.launcher.teardown import stop

    home = this_home()
    waves = [[find_local(home, args.instance)]] if args.instance else [local_workers(home)]
    if args.all:
        waves.append([Local("coordinator", home)])
    say(*(line for wave in waves for one in wave for line in _running_lines(one)))
    told: list[str] = []  # a daemon that is down may have left goals

    def tell(line: str) -> None:
        told.append(line)
        say(line)

    stuck = [one for wave in waves for one in stop(wave, tell)]
    if not told:
        what = args.instance or ("the fleet" if args.all else "no worker")
        say(f"nothing to stop: {what} is {'' if what == 'no worker' else 'not '}running")
    if stuck:
        complain(
            f"{', '.join(one.alias for one in stuck)} did not stop in time", "as the last resort: kill -9 PID"
        )
    return 1 if stuck else 0


def _running_lines(one: Local) -> list[str]:
    """What an instance that is about to be stopped is running; nothing when it does not answer."""
    from syncropel.client import Client, Target, calls
    from syncropel.errors import SyncropelError
    from syncropel.launcher.local import is_running

    if not is_running(one):
        return []
    try:
        with Client(Target(socket=one.home.socket, home=one.home.display()), timeout=2.0) as client:
            own = client.send(calls.engine_health()).did
            rows = [row for row in client.send(calls.dispatches()).data if row.instance == own]
    except SyncropelError:
        return []
    return fleet_text.running_lines(one.alias, rows)


def run_list(args: Namespace) -> int:
    from syncropel.errors import DaemonNotRunning

    try:
        with connect(args) as client:
            from syncropel.client import calls

            status = client.send(calls.fleet_status())
    except DaemonNotRunning as error:
        return _list_nothing(args, error)
    if is_json(args):
        instances = fleet_text.shown(status.instances, args.all)
        data = [one.model_dump(mode="json") for one in instances]
        print_json({"object": "list", "data": data, "next_cursor": None})
    else:
        say(*fleet_text.list_lines(status, args.all))
    return 0


def _list_nothing(args: Namespace, error: Exception) -> int:
    if is_json(args):
        print_json({"object": "list", "data": [], "next_cursor": None})
    else:
        say(fleet_text.NO_INSTANCES)
    complain(str(error), "start a fleet: spl fleet start --workers 2")
    return 0


def run_status(args: Namespace) -> int:
    if args.live:
        from syncropel.cli.console import run_live

        return run_live(args)
    with connect(args) as client:
        from syncropel.client import calls

        status = client.send(calls.fleet_status())
    if args.check:
        return _check(args, status)
    if is_json(args):
        print_json(status)
    else:
        say(*fleet_text.status_lines(status))
    _warn_of_a_split(args, status)
    return 0


def _warn_of_a_split(args: Namespace, status: FleetStatus) -> None:
    """Warn when a worker leads the fleet instead of this home's coordinator. Only workers that it does not
    hear are a reason to look.
    """
    if status.leader is not None and status.leader.place == "fenced":
        return  # its status says so
    from syncropel.cli.serve import warn_of_a_split
    from syncropel.cli.support.connect import target

    home, unheard = this_home(), any(one.last_heartbeat is None for one in status.instances)
    silent = unheard or any(one.status not in ("live", "draining") for one in status.instances)
    if silent and status.role == "coordinator" and target(args).socket == home.socket:
        warn_of_a_split(home)


def _check(args: Namespace, status: FleetStatus) -> int:
    from dataclasses import asdict

    from syncropel.client.attention import attention

    found = attention(status)
    _warn_of_a_split(args, status)
    if is_json(args):
        print_json({"object": "list", "data": [asdict(one) for one in found], "next_cursor": None})
    else:
        say(*fleet_text.attention_lines(found, status))
    return 1 if found else 0


def run_show(args: Namespace) -> int:
    import time

    with connect(args) as client:
        from syncropel.client import calls

        instance = client.send(calls.instance(args.name))
    if is_json(args):
        print_json(instance)
    else:
        say(*fleet_text.instance_lines(instance, time.time()))
    return 0


def run_revoke(args: Namespace) -> int:
    import os

    with connect(args) as client:
        from syncropel.client import credential_calls

        done = client.send(credential_calls.revoke(args.name, actor_from(os.environ), args.reason))
    if is_json(args):
        print_json(done)
        return 0
    say(
        f"✓ {done.alias} revoked: it is refused everywhere, and its work goes to others",
        f"  record: {done.record}",
        f"  Its process may still run; stop it where it runs: spl fleet stop --instance {done.alias}",
    )
    return 0


def _tell_of_link(args: Namespace, instance: InstanceOut) -> int:
    """Nobody connects to this instance: its link says whether it is reached, and its heartbeats how fast."""
    from syncropel.client.link_text import endpoint_words

    up = instance.link is not None and instance.link.state == "up"
    trip = instance.round_trip_secs
    if is_json(args):
        millis = None if trip is None else round(trip * 1000)
        print_json({"did": instance.did, "endpoint": instance.endpoint, "ok": up, "millis": millis})
    elif up:
        say(f"✓ {instance.did} is linked: {endpoint_words(instance)}")
    else:
        problem = instance.link.problem if instance.link is not None else ""
        say(f"✗ {instance.did} not reachable: {endpoint_words(instance)}: {clean(problem)}")
    return 0 if up else 1


def run_ping(args: Namespace) -> int:
    import time

    from syncropel.errors import SyncropelError

    with connect(args) as client:
        from syncropel.client import Client, Target, calls

        instance = client.send(calls.instance(args.name))
    if instance.link is not None:
        return _tell_of_link(args, instance)
    with Client(Target(url=instance.endpoint), timeout=5.0) as direct:
        began = time.monotonic()
        try:
            direct.send(calls.health())
            problem = None
        except SyncropelError as error:
            problem = error.message
        millis = round((time.monotonic() - began) * 1000)
    if is_json(args):
        print_json(
            {"did": instance.did, "endpoint": instance.endpoint, "ok": problem is None, "millis": millis}
        )
    elif problem is None:
        say(f"✓ {instance.did} reachable in {millis}ms (200 OK)")
    else:
        say(f"✗ {instance.did} not reachable at {instance.endpoint}: {problem}")
    return 0 if problem is None else 1
