"""Pieces of Markdown: tables, escaped text for cells, and generated blocks of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

NOTE = "<!-- Made by `python -m docs_tools` from {source}: change it there. -->"
_BLOCK = r"(<!-- made: {name} -->\n).*?(<!-- /made -->)"


def cell(text: str) -> str:
    """Text on one line, with characters that would end a cell escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a row's cells are Markdown."""
    lines = [head, ["---"] * len(head), *([cell(one) for one in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(title: str, source: str, *parts: str) -> str:
    """A whole page with a note on its source."""
    return "\n\n".join([f"# {title}", NOTE.format(source=source), *(part for part in parts if part)]) + "\n"


def filled(text: str, made: Mapping[str, str]) -> str:
    """A page in which each block `<!-- made: NAME --> … <!-- /made -->` is renewed.

    Raises KeyError with the names when the page lacks a block, or has an unknown one.
    """
    found = re.findall(r"<!-- made: (.*?) -->", text)
    odd = set(found) ^ set(made)
    if odd or len(found) != len(set(found)):
        raise KeyError(f"blocks that the page lacks, has twice, or should not have: {sorted(odd) or found}")
    for name, content in made.items():
        block = re.compile(_BLOCK.format(name=re.escape(name)), re.DOTALL)
        # A function, so that backslashes in the content are literal.
        text = block.sub(partial(_surrounded, content), text)
    return text


def _surrounded(content: str, match: re.Match[str]) -> str:
    return f"{match[1]}\n{content}\n\n{match[2]}"
