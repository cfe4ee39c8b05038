"""What the documentation shows to type: the steps in blocks of code, the commands in lines of prose."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^( *)```(sh|console)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HERE = re.compile(r"<<'(\w+)'$")
_END_OF_COMMAND = {"|", "||", "&&", ";", ">", ">>", "2>", "<", "&"}


@dataclass(frozen=True)
class Step:
    """One command as it is typed, lines that continue it included, and what the page shows it to print."""

    text: str
    output: str = ""

    @property
    def spl(self) -> list[str] | None:
        """The words after `spl`, when this is one of its commands alone."""
        words = shlex.split(self.text.replace("\\\n", " "), comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        if not words or words[0] != "spl":
            return None
        end = next((at for at, word in enumerate(words) if word in _END_OF_COMMAND), len(words))
        return words[1:end]


def name_of(page: Path) -> str:
    """The page as its links say it: `howto/drain.md`."""
    return str(page.relative_to(ROOT / "docs" if page.is_relative_to(ROOT / "docs") else ROOT))


def steps(page: Path) -> Iterator[Step]:
    """Every step of a page's blocks of `sh` and `console`, in their order."""
    for indent, language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
        lines = [line.removeprefix(indent) for line in block.splitlines()]
        yield from _typed(lines) if language == "sh" else _shown(lines)


def _typed(lines: list[str]) -> Iterator[Step]:
    waiting = iter(lines)
    for line in waiting:
        whole = [line]
        here = _HERE.search(line)
        while here and whole[-1] != here[1]:
            whole.append(next(waiting))
        while not here and _goes_on("\n".join(whole)):
            whole.append(next(waiting))
        if line.strip() and not line.lstrip().startswith("#"):
            yield Step("\n".join(whole))


def _goes_on(text: str) -> bool:
    """Whether a shell would wait for another line: of this one, or of a text in quotes."""
    if text.endswith("\\"):
        return True
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False


def _shown(lines: list[str]) -> Iterator[Step]:
    typed: list[str] = []
    printed: list[str] = []
    for line in lines:
        if line.startswith("$ "):
            if typed:
                yield Step("\n".join(typed), "\n".join(printed))
            typed, printed = [line[2:]], []
        elif typed and typed[-1].endswith("\\"):
            typed.append(line)
        else:
            printed.append(line)
    if typed:
        yield Step("\n".join(typed), "\n".join(printed))


def mentioned(page: Path) -> set[str]:
    """Every `spl …` that stands in a line of prose."""
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {" ".join(one.split()) for one in re.findall(r"`(spl [^`]*)`", prose)}
