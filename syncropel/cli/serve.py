"""`spl serve`: start the daemon, by default in the background."""

from __future__ import annotations

import sys
from argparse import Namespace

from syncropel.cli.support.connect import this_home
from syncropel.cli.support.parsing import Parser, port
from syncropel.cli.support.progress import ProgressLines
from syncropel.cli.support.terminal import clean, complain, say
from syncropel.settings.config import HOST
from syncropel.settings.home import Home


def configure(parser: Parser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--daemon", action="store_true", help="run in the background (the default)")
    how.add_argument(
        "--foreground", action="store_true", help="run here, with the log on screen; Ctrl-C stops it"
    )
    how.add_argument("--stop", action="store_true", help="do what `spl stop` does")
    parser.add_argument(
        "--port",
        type=port,
        metavar="N",
        help="TCP port on 127.0.0.1; 0 takes a free one (default: `[server] port`, 9100)",
    )
    parser.add_argument(
        "--echo", action="store_true", help="answer every goal with a synthetic result; nothing runs"
    )
    parser.add_argument(
        "--insecure-localhost",
        action="store_true",
        help="require no token from TCP callers; every user of this machine can then write",
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.stop:
        from syncropel.cli.stop import stop

        return stop(this_home())
    if args.foreground:
        from syncropel.daemon.process import main as daemon_main

        return daemon_main(["--home", str(this_home().path), *_flags(args), "--foreground"])
    return start(this_home(), _flags(args))


def start(home: Home, flags: list[str]) -> int:
    """Start the home's daemon in the background and wait for its first answer."""
    from syncropel.cli.support.connect import import_client

    import_client()
    from syncropel.errors import WARNING, SetupError
    from syncropel.launcher.lost_daemon import lost_daemon
    from syncropel.launcher.process import clear_stale_pid, find_daemon, signal_stop, spawn
    from syncropel.launcher.starting import wait_answer, wait_ready

    told = ProgressLines(sys.stdout)
    running = find_daemon(home)
    if running is not None and wait_answer(home, running, told=told):
        say(f"already running, PID {running}{_place(running, home)}")
        return 0
    stale = clear_stale_pid(home)
    if stale is not None:
        complain(f"{WARNING}removed a stale PID file: PID {stale} is not a daemon of {home.display()}")
    started = spawn(home, flags)
    try:
        wait_ready(started, told=told)
    except KeyboardInterrupt:
        signal_stop(started.pid)
        raise
    except SetupError as error:
        if (lost := lost_daemon(home, besides=started.pid)) is not None:
            error.hint = f"PID {lost} is a daemon of this home that has lost its files: spl stop"
        raise
    say(
        f"✓ started, PID {started.pid}{_place(started.pid, home)}",
        f"  logs: {home.display()}/logs/{home.log.name}",
        "  stop it: spl stop",
    )
    _warn_of_adapters(home)
    _warn_of_the_store(home)
    warn_of_a_split(home)
    return 0


def _warn_of_adapters(home: Home) -> None:
    from syncropel.cli.adapter import warn_of_adapters
    from syncropel.client import Client, Target, calls
    from syncropel.errors import SyncropelError

    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            own = client.send(calls.engine_health()).did
            warn_of_adapters(one for one in client.send(calls.fleet_status()).instances if one.did == own)
    except SyncropelError:
        return  # it has just answered; a failure here is reported by whatever asks next


def _warn_of_the_store(home: Home) -> None:
    from syncropel.client import Client, Target, store_calls
    from syncropel.errors import WARNING, SyncropelError

    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            found = client.send(store_calls.store())
    except SyncropelError:
        return  # it has just answered; whoever asks it for more is told
    if found.state != "sound":
        complain(f"the log is {found.state}: {clean(found.problem)}", clean(found.hint))
    for told in found.notices:
        complain(f"{WARNING}{clean(told)}", "see: spl store status")


def warn_of_a_split(home: Home) -> None:
    """Warn when a worker of this home's fleet leads it, in place of the daemon that runs here."""
    from syncropel.errors import WARNING, SetupError
    from syncropel.launcher.promoted import leader_beside

    try:
        leader = leader_beside(home)
    except SetupError as error:
        complain(f"{WARNING}it is not known whether a worker leads this fleet: {error.message}", error.hint)
        return
    if leader is not None and not _knows_its_leader(home):
        complain(
            f"{WARNING}the fleet is split: {leader.told}",
            "its workers take neither work nor freezes from here, and it is fenced when it is told\n"
            f"see the fleet: {leader.command}\nend this one: spl stop",
        )


def _knows_its_leader(home: Home) -> bool:
    """Whether the daemon of this home knows that another leads in its place: it follows, or is fenced, of
    which this warns.
    """
    from syncropel.client import Client, Target, leader_calls
    from syncropel.client.leader_text import leader_problems
    from syncropel.errors import WARNING, SyncropelError

    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            leader = client.send(leader_calls.leader())
    except SyncropelError:
        return False
    for one in leader_problems(leader) if leader.place == "fenced" else ():
        complain(f"{WARNING}{clean(one.words)}", clean(one.helps))
    return leader.place in ("fenced", "follows")


def _place(pid: int, home: Home) -> str:
    from syncropel.launcher.process import listening_port

    port = listening_port(pid)
    return f"{'' if port is None else f', http://{HOST}:{port}'} (home={home.display()})"


def _flags(args: Namespace) -> list[str]:
    flags = [] if args.port is None else ["--port", str(args.port)]
    if args.echo:
        flags.append("--echo")
    if args.insecure_localhost:
        flags.append("--insecure-localhost")
    return flags
