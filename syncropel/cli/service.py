"""`spl service`: have the system start this home's daemon, and keep it running."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from syncropel.cli.support.connect import import_client, this_home
from syncropel.cli.support.parsing import Parser, add_output, verbs
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.errors import BadRequest, SetupError

if TYPE_CHECKING:
    from syncropel.launcher.service.definition import Service
    from syncropel.launcher.service.manager import Manager


def configure(parser: Parser) -> None:
    group = verbs(parser)
    install = _verb(group, "install", "have systemd or launchd run this home's daemon")
    install.add_argument("--dry-run", action="store_true", help="print what would be written; change nothing")
    install.add_argument("--now", action="store_true", help="start it, too, and wait until it is ready")
    install.add_argument("--force", action="store_true", help="replace a file that is there and differs")
    install.set_defaults(run=run_install)
    uninstall = _verb(group, "uninstall", "stop the service and remove it; the home stays")
    uninstall.set_defaults(run=run_uninstall)
    _verb(group, "status", "show how the service does").set_defaults(run=run_status)


def _verb(group: object, name: str, summary: str) -> Parser:
    verb: Parser = group.add_parser(  # type: ignore[attr-defined]
        name, help=summary, description=summary[0].upper() + summary[1:] + "."
    )
    add_output(verb)
    verb.add_argument("--system", action="store_true", help="of the whole system, from its start; needs root")
    verb.add_argument("--run-as", metavar="USER", default="", help="with --system: the user that it runs as")
    verb.add_argument("--name", default="", help="of the service (default: spl, or spl- and the home's name)")
    verb.add_argument(
        "--manager",
        choices=("systemd", "launchd"),
        help="for another machine, with --dry-run (default: that of this one)",
    )
    return verb


def run_install(args: Namespace) -> int:
    manager, service = _chosen(args)
    if args.dry_run:
        print(manager.text(service), end="")
        return 0
    if args.now:
        _refuse_a_second_daemon(manager, service)
    changed = manager.install(service, force=args.force)
    if args.now:
        manager.start(service)
    if is_json(args):
        print_json(_told(manager, service) | {"changed": changed})
        return 0
    path = manager.path(service)
    say(f"✓ {'installed' if changed else 'already installed'}: {path}")
    if args.now:
        say("✓ started")
    else:
        say(f"  start it: {_start_words(manager, service)}")
    if manager.name == "systemd" and not manager.whole_system:
        say("  it runs while you are logged in; also before and after that: loginctl enable-linger")
    return 0


def run_uninstall(args: Namespace) -> int:
    manager, service = _chosen(args)
    was = manager.uninstall(service)
    if is_json(args):
        print_json({"path": str(manager.path(service)), "removed": was})
    elif was:
        say(f"✓ removed: {manager.path(service)}", "  the home and its log stay; start by hand: spl serve")
    else:
        say(f"no service {service.name} is installed at {manager.path(service)}")
    return 0 if was else 1


def run_status(args: Namespace) -> int:
    manager, service = _chosen(args)
    found = manager.look(service)
    if is_json(args):
        print_json(_told(manager, service))
        return 0 if found.active else 1
    say(f"service {service.name} ({manager.name}{', whole system' if manager.whole_system else ''})")
    if not found.exists:
        say(f"  file: none at {found.path}", "  install it: spl service install")
    else:
        differs = "" if found.matches else "; it differs from what this spl would write: --dry-run shows that"
        say(f"  file: {found.path}{differs}")
    say(f"  state: {found.state}")
    if found.known and found.exists:
        say(f"  starts by itself: {'yes' if found.enabled else 'no'}")
    if found.pid:
        say(f"  PID: {found.pid}")
    if found.restarts:
        say(f"  restarted: {found.restarts} times")
    return 0 if found.active else 1


def _chosen(args: Namespace) -> tuple[Manager, Service]:
    import_client()
    from syncropel.launcher.service.definition import Service, default_name
    from syncropel.launcher.service.manager import Manager, account_named, manager_here

    if args.manager and not getattr(args, "dry_run", False):
        raise BadRequest("--manager is only for --dry-run", "leave it out")
    if args.run_as and not args.system:
        raise BadRequest("--run-as is only for --system", "a service of your own runs as you")
    manager = Manager(args.manager or manager_here(), whole_system=args.system)
    home = this_home()
    name = args.name or default_name(home.path)
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise BadRequest(f"invalid name {name!r}", "letters, digits, - and _")
    account = ""
    if args.system and (args.run_as or args.verb == "install"):
        account = account_named(args.run_as)
    path = os.environ.get("PATH", "")
    return manager, Service(name, sys.executable, home.path, path, account)


def _refuse_a_second_daemon(manager: Manager, service: Service) -> None:
    from syncropel.launcher.process import find_daemon

    found = manager.look(service)
    running = find_daemon(this_home())
    if running is not None and running != found.pid:
        raise SetupError(
            f"a daemon of this home runs already, PID {running}",
            "leave its work to the service: spl stop --keep-work",
        )


def _told(manager: Manager, service: Service) -> dict[str, object]:
    found = manager.look(service)
    return {"name": service.name, "manager": manager.name, **asdict(found), "path": str(found.path)}


def _start_words(manager: Manager, service: Service) -> str:
    if manager.name == "launchd":
        return "spl service install --now"
    return f"systemctl {'' if manager.whole_system else '--user '}start {service.name}"
