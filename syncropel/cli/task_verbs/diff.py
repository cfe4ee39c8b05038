"""`spl task diff`: what a subtask changed in its worktree."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import add_verb, index, positive
from syncropel.cli.support.terminal import is_json, print_json_line, say, tell, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syncropel.client import Client
    from syncropel.wire import OutputPage

PAGE_BYTES: Final = 256 * 1024


def configure(group: Any) -> None:
    """Add the verb to `spl task`."""
    verb = add_verb(
        group,
        "diff",
        "show what a subtask changed in its git worktree",
        epilog="A patch against the commit that the attempt began at: up to the commit of its result, or\n"
        "else of all that its worktree holds, committed or not.\n"
        "Into a pipe or a file its bytes are as they are, for git apply; on a terminal they are made safe.",
    )
    verb.add_argument("name", metavar="NAME", help="a task's alias or thread")
    verb.add_argument(
        "subtask", type=index, nargs="?", default=0, metavar="N", help="which subtask (default: 0)"
    )
    verb.add_argument("--attempt", type=positive, metavar="K", help="another attempt than the latest")
    verb.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print the patch; it is complete before anything is printed, so that half a patch is never applied."""
    from syncropel.client import output_calls

    with connect(args) as client:
        pages = list(_pages(client, args.name, args.subtask, args.attempt))
    if is_json(args):
        for page in pages:
            print_json_line(page.model_dump(mode="json"))
        return 0
    patch = b"".join(output_calls.data(page) for page in pages)
    if not patch:
        whose = f"{pages[0].alias}'s" if pages[0].alias else "its"
        tell(f"{args.name} [{args.subtask}] changed nothing in {whose} worktree")
    elif sys.stdout.isatty():
        say(*patch.decode("utf-8", "replace").splitlines())
    else:
        write_bytes(patch)
    return 0


def patch_of(client: Client, name: str, index: int, attempt: int | None) -> bytes:
    """The whole patch of an attempt, by default the latest."""
    from syncropel.client import output_calls

    return b"".join(output_calls.data(page) for page in _pages(client, name, index, attempt))


def _pages(client: Client, name: str, index: int, attempt: int | None) -> Iterator[OutputPage]:
    from syncropel.client import output_calls

    offset = 0
    while True:
        asked = output_calls.diff(name, index, attempt=attempt, offset=offset, limit=PAGE_BYTES)
        page = client.send(asked)
        yield page
        if page.next_offset >= page.size or page.next_offset <= offset:
            return
        attempt, offset = page.attempt, page.next_offset
