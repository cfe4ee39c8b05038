"""The lines around every screen: header above, keys below, headings between."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tui.actions import actions_of, shown_key
from tui.model.cells import GAP, Cell, Line
from tui.model.glyphs import Glyphs
from tui.model.link import Link, link_cell

TABS = (("1", "fleet", "Fleet"), ("2", "tasks", "Tasks"))


def header_line(
    *, width: int, screen: str, crumb: str, link: Link, where: str, read_only: bool, glyphs: Glyphs
) -> Line:
    """Screens and the present place at the left; daemon, mode and connection at the right.

    The connection never goes; the daemon's name goes first when there is no room, then the place.
    """
    state = [link_cell(link, glyphs), Cell(" ")]
    mode = [Cell("READ-ONLY", "warn"), Cell("  ")] if read_only else []
    called = [Cell(where, "quiet"), Cell("  ")] if where else []
    for place, name in ((crumb, called), (crumb, []), ("", [])):
        left, right = _tabs(screen, place, glyphs), [*name, *mode, *state]
        used = sum(cell_len(glyphs.clean(cell.text)) for cell in [*left, *right])
        if used < width:
            break
    return (*left, Cell(" " * max(1, width - used)), *right)


def _tabs(screen: str, crumb: str, glyphs: Glyphs) -> list[Cell]:
    """`[2 Tasks › TUT-001]` where we are, plainly where we could be."""
    cells = [Cell(" ")]
    for key, name, title in TABS:
        text = f"{key} {title}"
        if name == screen:
            place = f" {glyphs.crumb} {crumb}" if crumb else ""
            cells += [Cell(f"[{text}{place}]", "head"), Cell(" ")]
        else:
            cells += [Cell(f" {text} ", "quiet"), Cell(" ")]
    return cells


def footer_line(screen: str, width: int, *, live: bool, empty: bool) -> Line:
    """The keys worth knowing here and now, as many as have room. Help and quit always have."""
    entries = [(shown_key(action.keys[0]), action.short) for action in actions_of(screen) if action.short]
    if empty:
        entries = [(key, short) for key, short in entries if short in ("help", "quit")]
    if not live:
        entries.insert(0, ("r", "reconnect now"))
    keep = {"help", "quit"}
    while len(entries) > len(keep) and _keys_width(entries) > width:
        last = max(index for index, (_, short) in enumerate(entries) if short not in keep)
        del entries[last]
    cells: list[Cell] = []
    for key, short in entries:
        cells += [Cell(f" {key}", "head"), Cell(f" {short} ", "quiet")]
    return tuple(cells)


def _keys_width(entries: Sequence[tuple[str, str]]) -> int:
    return sum(len(key) + len(short) + 3 for key, short in entries)


def rule_line(title: str, facts: Sequence[str], width: int, focused: bool, glyphs: Glyphs) -> Line:
    """`── Instances ── 3 live · 0 stale ─────────`"""
    rule = glyphs.rule
    cells = [Cell(f"{rule * 2} ", "quiet"), Cell(title, "head" if focused else "plain"), Cell(" ", "quiet")]
    for fact in facts:
        if fact:
            cells.append(Cell(f"{rule * 2} {fact} ", "quiet"))
    used = sum(cell_len(glyphs.clean(cell.text)) for cell in cells)
    cells.append(Cell(rule * max(0, width - used), "quiet"))
    return tuple(cells)


def help_lines(entries: Sequence[tuple[str, str, str]], width: int) -> tuple[Line, ...]:
    """Keys, what they do, and the command for the same where there is room."""
    keys = max((len(key) for key, _, _ in entries), default=0) + GAP
    texts = max((len(text) for _, text, _ in entries), default=0) + GAP
    lines: list[Line] = []
    for key, text, cli in entries:
        command = cli if keys + texts + len(cli) <= width else ""
        lines.append((Cell(key.ljust(keys), "head"), Cell(text.ljust(texts)), Cell(command, "quiet")))
    return tuple(lines)
