"""`spl context`: name the fleets that you look after, and choose the one that commands use."""

from __future__ import annotations

from argparse import BooleanOptionalAction, Namespace
from pathlib import Path
from typing import Any

from syncropel.cli.support.connect import this_home
from syncropel.cli.support.parsing import Parser, UsageError, add_output, as_list, verbs
from syncropel.cli.support.terminal import complain, is_json, print_json, say, table
from syncropel.cli.token import checked_bearer, read_line
from syncropel.errors import Conflict
from syncropel.settings import contexts
from syncropel.settings.contexts import LOCAL, Context, Contexts
from syncropel.settings.home import Home


def configure(parser: Parser) -> None:
    group = verbs(parser)
    add = _verb(group, "add", "name a fleet")
    add.add_argument("name", help="the name of the context")
    add.add_argument("--url", required=True, help="the URL of the fleet's coordinator")
    add.add_argument(
        "--read-only",
        action=BooleanOptionalAction,
        default=None,
        help="how the console opens it (default: read-only unless it is on this machine)",
    )
    add.add_argument(
        "--colour", choices=contexts.COLOURS, default="", help="the colour of its name in the console"
    )
    add.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="the private CA that signs for this URL, and nobody else"
    )
    add.add_argument("--replace", action="store_true", help="change a context that exists; its token stays")
    _token_flags(add, required=False)
    add.set_defaults(run=run_add)
    token = _verb(group, "token", "keep another bearer token for a context (0600)")
    token.add_argument("name", help="the name of the context")
    _token_flags(token, required=True)
    token.set_defaults(run=run_token)
    use = _verb(group, "use", "choose the context that commands talk to")
    use.add_argument("name", help=f"{LOCAL}: this home's own socket")
    use.set_defaults(run=run_use)
    listing = _verb(group, "list", "list the contexts; * marks the current one")
    as_list(listing, ["name"])
    listing.set_defaults(run=run_list)
    show = _verb(group, "show", "show one context (default: the current one)")
    show.add_argument("name", nargs="?", help="the name of the context (default: the current one)")
    show.set_defaults(run=run_show)
    remove = _verb(group, "remove", "forget a context and its token")
    remove.add_argument("name", help="the name of the context")
    remove.set_defaults(run=run_remove)


def _verb(group: Any, name: str, summary: str) -> Parser:
    # Not `add_verb`: these commands contact no daemon, and `--url` means something else here.
    verb: Parser = group.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    add_output(verb)
    return verb


def _token_flags(parser: Parser, *, required: bool) -> None:
    source = parser.add_mutually_exclusive_group(required=required)
    source.add_argument("--token-file", type=Path, metavar="FILE", help="take the bearer token from a file")
    source.add_argument("--token-stdin", action="store_true", help="take the bearer token from stdin")


def run_add(args: Namespace) -> int:
    home = this_home()
    name, url = contexts.check_name(args.name), contexts.check_url(args.url)
    _unless_there(contexts.load(home), args)  # before a token is asked for in vain
    token = _token(args)
    context = Context(name, url, args.read_only, args.colour, _ca_file(args.ca_file))
    with contexts.alone(home):
        known = contexts.load(home)
        _unless_there(known, args)
        contexts.save(home, known.with_(context))
        if token:
            contexts.save_token(home, name, token)
    if is_json(args):
        print_json(_document(home, context, known.current))
        return 0
    say(f"✓ context {name} is {url}", f"  use it: spl context use {name}")
    if not contexts.is_local(url) and url.startswith("http:"):
        complain(
            "this URL is not encrypted: the token and all records can be read on the way", "use https://"
        )
    if not contexts.token_of(home, name):
        say(f"  it has no token yet: spl context token {name} --token-stdin")
    return 0


def _unless_there(known: Contexts, args: Namespace) -> None:
    """Raises Conflict when there is one with that name, and replacing it was not requested."""
    if args.name in known.known and not args.replace:
        raise Conflict(f"there is a context {args.name!r} already", "change it with --replace")


def run_token(args: Namespace) -> int:
    home = this_home()
    _named(contexts.load(home), args.name)
    token = _token(args)
    with contexts.alone(home):
        name = _named(contexts.load(home), args.name).name
        contexts.save_token(home, name, token)
    say(f"✓ token of {name} saved in {home.display()}/secrets/{contexts.token_path(home, name).name}")
    return 0


def run_use(args: Namespace) -> int:
    home = this_home()
    with contexts.alone(home):
        known = contexts.load(home)
        context = known.find(args.name)
        contexts.save(home, Contexts(context.name, known.known))
    say(f"✓ commands talk to {context.name} now: {context.url or 'the socket of ' + home.display()}")
    return 0


def run_list(args: Namespace) -> int:
    home = this_home()
    known = contexts.load(home)
    rows = [_document(home, one, known.current) for one in known.all()]
    if is_json(args):
        print_json({"object": "list", "data": rows, "next_cursor": None})
        return 0
    cells = [
        ["*" if row["current"] else "", row["name"], row["url"], row["opens"], row["colour"], row["token"]]
        for row in rows
    ]
    say(*table(["", "NAME", "URL", "CONSOLE", "COLOUR", "TOKEN"], cells))
    if known.current not in (LOCAL, *known.known):
        complain(f"the current context {known.current!r} is not there any more", "spl context use NAME")
    return 0


def run_show(args: Namespace) -> int:
    home = this_home()
    known = contexts.load(home)
    row = _document(home, known.find(args.name or known.current), known.current)
    if is_json(args):
        print_json(row)
    else:
        names = {"opens": "console"}
        say(*(f"{names.get(key, key)}: {_said(value)}" for key, value in row.items() if value != ""))
    return 0


def run_remove(args: Namespace) -> int:
    home = this_home()
    with contexts.alone(home):
        known = contexts.load(home)
        name = _named(known, args.name).name
        contexts.save(home, known.without(name))
        contexts.forget_token(home, name)
    say(f"✓ context {name} and its token are gone")
    if known.current == name:
        say(f"  commands talk to {LOCAL} now: the socket of {home.display()}")
    return 0


def _named(known: Contexts, name: str) -> Context:
    context = known.find(name)
    if context.name == LOCAL:
        raise UsageError(
            f"{LOCAL!r} is this home's own socket: it needs no token and stays", "see: spl context list"
        )
    return context


def _token(args: Namespace) -> str:
    if args.token_stdin:
        return checked_bearer(read_line())
    if args.token_file is None:
        return ""
    try:
        return checked_bearer(args.token_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {args.token_file}: {error}", "check --token-file") from None


def _ca_file(path: Path | None) -> str:
    """The whole path of a CA that can be used; empty without one."""
    if path is None:
        return ""
    from syncropel.settings.trust import trusting

    whole = path.expanduser().absolute()
    trusting(whole)
    return str(whole)


def _document(home: Home, context: Context, current: str) -> dict[str, Any]:
    """A context as it is shown; it says whether there is a token, never which."""
    read_only = not contexts.is_local(context.url) if context.read_only is None else context.read_only
    kept = "saved" if contexts.token_of(home, context.name) else "none"
    return {
        "name": context.name,
        "url": context.url or f"the socket of {home.display()}",
        "current": context.name == current,
        "opens": "read-only" if read_only else "changes",
        "colour": context.colour,
        "token": kept if context.url else "not needed",
        "ca_file": context.ca_file,
    }


def _said(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
