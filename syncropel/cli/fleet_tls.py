"""`spl fleet tls`: certificates, so that other hosts can reach this daemon."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from syncropel.cli.support.connect import this_home
from syncropel.cli.support.parsing import Parser, UsageError, add_output, verbs
from syncropel.cli.support.terminal import is_json, print_json, say

if TYPE_CHECKING:
    from syncropel.settings.certificates import Certificate
    from syncropel.settings.home import Home


def configure(group: Any) -> None:
    tls: Parser = group.add_parser(
        "tls",
        help="make and renew the certificates that other hosts see",
        description="Make and renew the certificates that other hosts see.",
    )
    inner = verbs(tls)
    init = _verb(inner, "init", "make the fleet's CA, and this daemon's certificate")
    init.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name or an address by which other hosts reach this one; repeat it for more (default: the "
        "host's name and all of its addresses; those of the present certificate, if there is one)",
    )
    init.add_argument(
        "--listen", metavar="ADDRESS:PORT", help="also set `[server] listen`, such as 0.0.0.0:9443"
    )
    init.set_defaults(run=run_init)
    _verb(inner, "renew", "have the fleet's CA sign a new certificate now").set_defaults(run=run_renew)
    _verb(inner, "show", "show the certificates, and when they expire").set_defaults(run=run_show)


def _verb(group: Any, name: str, summary: str) -> Parser:
    # Not `add_verb`: these commands work on files, and ask no daemon.
    verb: Parser = group.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    add_output(verb)
    return verb


def run_init(args: Namespace) -> int:
    from syncropel.settings.certificates import checked_host, make_ca, make_server, need_library
    from syncropel.settings.identity import load_or_create_identity

    need_library()
    home, now = this_home(), time.time()
    names = [checked_host(one) for one in args.host] or _present_names(home) or _own_names()
    if args.listen is not None:
        _check_listen(args.listen)
    did = load_or_create_identity(home).did
    created = make_ca(home, did.rpartition(":")[2][:8], now)
    made = make_server(home, names, now)
    listens = _listen(home, args.listen)
    if is_json(args):
        ca = {"created_ca": created, "ca_file": str(home.fleet_ca)}
        print_json({**ca, **_document(made), "listen": listens})
        return 0
    folder = f"{home.display()}/keys"
    say(
        f"✓ {'made' if created else 'found'} the fleet's CA: {folder}/{home.fleet_ca.name}",
        f"✓ made a certificate for {', '.join(made.names)}",
        f"  it expires on {_day(made)}; the daemon renews it before that",
        "",
    )
    if not listens:
        say(
            "Next, have the daemon listen on a port of its own for other hosts:",
            "  spl fleet tls init --listen 0.0.0.0:9443",
        )
        return 0
    say(
        f"Other hosts are served on {listens}, from the daemon's next start on:",
        "  spl stop && spl serve",
        "  spl fleet invite --alias laptop-a",
    )
    return 0


def _present_names(home: Home) -> list[str]:
    """Those of the certificate that this home has; none without one."""
    from syncropel.settings.certificates import LOCAL_NAMES, read_certificates

    if not home.server_certificate.exists():
        return []
    names = read_certificates(home.server_certificate)[0].names
    return [one for one in names if one not in LOCAL_NAMES]


def _own_names() -> list[str]:
    """This host's name, if it is more than `localhost`, and the addresses of its interfaces."""
    import socket

    from syncropel.errors import BadRequest
    from syncropel.settings.certificates import checked_host
    from syncropel.system.own_addresses import own_addresses

    named = []
    for one in dict.fromkeys((socket.gethostname(), socket.getfqdn())):
        try:
            named.append(checked_host(one))
        except BadRequest:
            continue  # whatever the host calls itself, no certificate can be for it
    return [*own_addresses(), *(one for one in named if not one.startswith("localhost"))]


def _check_listen(listen: str) -> None:
    from syncropel.errors import SetupError
    from syncropel.settings.config import split_listen

    try:
        split_listen(listen)
    except SetupError as error:
        raise UsageError(error.message.replace("[server] listen", "--listen"), error.hint) from None


def _listen(home: Home, wanted: str | None) -> str:
    """What `[server] listen` is, once it is what was wanted."""
    from syncropel.cli.init import write_default_settings
    from syncropel.launcher.plan import write_settings
    from syncropel.settings.config import load_settings

    write_default_settings(home)
    present = load_settings(home, {})
    if wanted is None or wanted == present.server.listen:
        return present.server.listen
    write_settings(home.config, present, replace(present, server=replace(present.server, listen=wanted)))
    return wanted


def run_renew(args: Namespace) -> int:
    from syncropel.settings.certificates import make_server, need_library, read_certificates

    need_library()
    home = this_home()
    read_certificates(home.server_certificate)  # raises where there is none yet
    made = make_server(home, _present_names(home), time.time())
    if is_json(args):
        print_json(_document(made))
    else:
        say(
            f"✓ made a certificate for {', '.join(made.names)}, until {_day(made)}",
            "  a daemon that runs takes it up within a minute",
        )
    return 0


def run_show(args: Namespace) -> int:
    from syncropel.settings.certificates import read_certificates
    from syncropel.settings.config import load_settings

    home = this_home()
    given = load_settings(home, {}).server.tls_cert
    chain = read_certificates(home.path / given if given else home.server_certificate)
    if is_json(args):
        data = [_document(one) for one in chain]
        print_json({"object": "list", "data": data, "next_cursor": None})
        return 0
    for number, one in enumerate(chain):
        what = "this daemon" if not number else "the CA that other hosts pin" if one is chain[-1] else "a CA"
        say(f"{what}:", f"  expires: {_day(one)}", f"  pin:     {one.pin}")
        if one.names:
            say(f"  names:   {', '.join(one.names)}")
    return 0


def _document(one: Certificate) -> dict[str, Any]:
    return {"names": list(one.names), "since": one.since, "until": one.until, "pin": one.pin}


def _day(one: Certificate) -> str:
    return datetime.fromtimestamp(one.until, UTC).strftime("%Y-%m-%d")
