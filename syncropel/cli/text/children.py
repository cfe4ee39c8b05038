"""Child threads as lines, shown below their parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.terminal import clean

if TYPE_CHECKING:
    from syncropel.wire import ChildrenJoin, ChildThreadOut

_GLYPHS: Final = {"accept": "✓", "reject": "✗", "failed": "✗", "cancelled": "✗"}


def children_lines(children: Sequence[ChildThreadOut], join: ChildrenJoin | None = None) -> Iterator[str]:
    """The children with their states, and the join over them; nothing without either."""
    from syncropel.client import children_text  # its package imports what `--help` does not need

    if children:
        yield f"Children: {children_text.head(children)}"
        for number, one in children_text.numbered(children):
            yield f"  {f'{number} ' if number else ''}{child_line(one)}"
        if len(children) > children_text.MOST:
            yield f"  … and {len(children) - children_text.MOST} more"
    if join is not None:
        yield f"Join: {clean(join.join)}"
        yield f"  {clean(children_text.join_words(join))}"


def child_line(one: ChildThreadOut) -> str:
    """One child: whether it is closed, its name, its state, and a remark."""
    from syncropel.client import children_text

    glyph = "✗" if one.problem else _GLYPHS.get(one.result or "", "·")
    return f"{glyph} {clean(one.thread)}  {clean(children_text.words(one))}"
