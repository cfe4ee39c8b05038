"""`spl token`: service accounts, their tokens, and the token that this home stores for calls over TCP."""

from __future__ import annotations

import re
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect, this_home
from syncropel.cli.support.parsing import Parser, UsageError, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import complain, is_json, print_json, say, table
from syncropel.cli.text.thread import when
from syncropel.errors import SetupError
from syncropel.settings.identity import make_home, write_private

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncropel.wire import ApiToken

_SHORT: Final = 12  # digits of a token's id that are shown
_BEARER: Final = re.compile(r"spl_[^_\s]+_[^_\s]+_[\x21-\x7e]{16,256}", re.ASCII)


def configure(parser: Parser) -> None:
    group = verbs(parser)
    save = add_verb(group, "save", "keep a bearer token for calls over TCP (0600)")
    save.add_argument("bearer", help="spl_<env>_<service account>_<secret>, or - to read it from stdin")
    save.set_defaults(run=run_save)
    mint = add_verb(group, "mint", "make a token of a service account; it is shown once")
    mint.add_argument("account", metavar="ACCOUNT", help="the account's id, such as sa-ci")
    _add_scopes(mint, "what a new account may do; without it the account must exist")
    _add_actors(
        mint, "an actor that a new account may write as, such as did:sync:agent:* (default: only itself)"
    )
    _add_pulls_for(mint)
    mint.set_defaults(run=run_mint)
    add_list_verb(group, "list", "list all tokens, without their secrets", ["id"]).set_defaults(run=run_list)
    revoke = add_verb(group, "revoke", "revoke a token for good")
    revoke.add_argument("id", metavar="ID", help="its id, or the first eight digits of it or more")
    revoke.add_argument("--reason", metavar="TEXT", default="", help="why, for the log")
    revoke.set_defaults(run=run_revoke)
    grant = add_verb(
        group, "grant", "change what an account's tokens may do, and the actors that they may write as"
    )
    grant.add_argument("account", metavar="ACCOUNT", help="the account's id")
    _add_scopes(grant, "all that its new tokens may do")
    _add_actors(grant, "an actor that its tokens may write as, existing tokens too")
    _add_pulls_for(grant)
    grant.set_defaults(run=run_grant)


def _add_scopes(parser: Parser, what: str) -> None:
    parser.add_argument(
        "--scope", action="append", default=[], metavar="SCOPE", help=f"{what}; repeat it for more"
    )


def _add_actors(parser: Parser, what: str) -> None:
    parser.add_argument(
        "--actor", action="append", default=[], metavar="PATTERN", help=f"{what}; repeat it for more"
    )


def _add_pulls_for(parser: Parser) -> None:
    parser.add_argument(
        "--pulls-for",
        metavar="NS",
        default="",
        help="with the scope federation:read: the namespace for which it takes bundles",
    )


def run_save(args: Namespace) -> int:
    bearer = checked_bearer(read_line() if args.bearer == "-" else args.bearer)
    home = this_home()
    make_home(home)
    try:
        write_private(home.client_token, bearer + "\n")
    except OSError as error:
        raise SetupError(
            f"cannot write {home.client_token}: {error.strerror}", "check the folder's permissions"
        ) from None
    say(f"✓ token saved in {home.display()}/secrets/{home.client_token.name}")
    return 0


def run_mint(args: Namespace) -> int:
    if (args.actor or args.pulls_for) and not args.scope:
        flag, value = ("--actor", "PATTERN") if args.actor else ("--pulls-for", "NS")
        raise UsageError(
            f"{flag} is for a new account", f"for an existing one: spl token grant ACCOUNT {flag} {value}"
        )
    with connect(args) as client:
        from syncropel.client import calls, token_calls

        call = (
            calls.mint_service_account(args.account, args.scope, args.actor, args.pulls_for)
            if args.scope
            else token_calls.mint_token(args.account)
        )
        made = client.send(call)
    if is_json(args):
        print_json(made)
    else:
        scopes = ", ".join(made.scopes)
        say(
            f"✓ token {made.id[:_SHORT]} of {made.sa_id} ({scopes}), shown this once:",
            made.token,
            "  Keep it for calls over TCP: spl token save -",
        )
    return 0


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import token_calls

        page = client.send(token_calls.tokens())
    if is_json(args):
        print_json(page)
    elif not page.data:
        say("no token was made yet")
    else:
        rows = [
            [one.id[:_SHORT], one.sa_id, one.state, when(one.at), ", ".join(one.scopes)] for one in page.data
        ]
        say(*table(["ID", "ACCOUNT", "STATE", "MADE", "SCOPES"], rows))
        _warn_of_free(page.data)
    return 0


def _warn_of_free(tokens: Sequence[ApiToken]) -> None:
    free = sorted({one.sa_id for one in tokens if one.state == "active" and one.allowed_actors is None})
    if free:
        own = f"spl token grant {free[0]} --actor did:sync:service:{free[0]}"
        told = f"warning: {', '.join(free)} may write as any actor but an instance"
        complain(f"{told}: made before accounts had allowed actors", f"restrict it to itself: {own}")


def run_revoke(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import token_calls

        token = client.send(token_calls.revoke_token(args.id, args.reason))
    if is_json(args):
        print_json(token)
    else:
        say(f"✓ token {token.id[:_SHORT]} of {token.sa_id} revoked")
    return 0


def run_grant(args: Namespace) -> int:
    if not (args.scope or args.actor or args.pulls_for):
        raise UsageError("nothing to change", "--scope SCOPE, --actor PATTERN, --pulls-for NS, or several")
    with connect(args) as client:
        from syncropel.client import token_calls

        account = client.send(token_calls.grant(args.account, args.scope, args.actor, args.pulls_for))
    if is_json(args):
        print_json(account)
    else:
        count = account.tokens if args.scope else 0
        actors = "anybody" if account.allowed_actors is None else ", ".join(account.allowed_actors)
        own = "1 token keeps what it was" if count == 1 else f"{count} tokens keep what they were"
        say(
            f"✓ new tokens of {account.sa_id} may: {', '.join(account.scopes)}",
            *([f"  All of its tokens write as: {actors}"] if args.actor else []),
            *([f"  It pulls for: {account.pulls_for}"] if args.pulls_for else []),
            *([f"  Its {own} made with: spl token list"] if count else []),
        )
    return 0


def checked_bearer(text: str) -> str:
    """The bearer token in a text. Raises UsageError when it is not one."""
    bearer = text.strip()
    if not _BEARER.fullmatch(bearer):
        raise UsageError(
            "that is not a bearer token", "it looks like spl_<env>_<service account>_<secret of 16 to 256>"
        )
    return bearer


def read_line() -> str:
    """One line from stdin, so that a secret does not end up in the shell's history."""
    import sys

    return sys.stdin.readline().strip()
