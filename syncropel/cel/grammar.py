"""The grammar of expressions: cel-python's, extended to the rest of the CEL specification.

Every change to the shipped grammar is here, as an old text and a new one. A missing old text is an error, so
no release of cel-python can silently change what a rule means.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import lark

CHANGES: Final[tuple[tuple[str, str], ...]] = (
    # `of.?name`, `of[?key]`, and `` of.`any name` ``.
    ("member_index | member_object |", "member_index | optional | member_object |"),
    ('member_dot     : member "." IDENT\n', 'member_dot     : member "." (IDENT | QUOTED)\n'),
    (
        'member_index   : member "[" expr "]"\n',
        'member_index   : member "[" expr "]"\n'
        'optional       : member ".?" (IDENT | QUOTED) -> optional_dot\n'
        '               | member "[" "?" expr "]"      -> optional_index\n',
    ),
    # `[?item]`, `{?key: value}`, and a comma at the end.
    ('list_lit       : "[" [exprlist] "]"\n', 'list_lit       : "[" [item ("," item)* [","]] "]"\n'),
    ('map_lit        : "{" [mapinits] "}"\n', 'map_lit        : "{" [entry ("," entry)* [","]] "}"\n'),
    (
        'mapinits       : expr ":" expr ("," expr ":" expr)*\n',
        'item           : expr | "?" expr -> optional_item\n'
        'entry          : expr ":" expr | "?" expr ":" expr -> optional_entry\n',
    ),
    # Make tokenizing unambiguous: the alternatives of the shipped terminals overlap, and an unterminated text
    # full of escapes would be tried in exponentially many ways.
    (
        "STRING_LIT     : /",
        r"""STRING_LIT     : /[rR]"(?!"")[^"\n\r]*"|"(?!"")(?:\\[^\n\r]|[^"\\\n\r])*"/"""
        "\n"
        r"""               | /[rR]'(?!'')[^'\n\r]*'|'(?!'')(?:\\[^\n\r]|[^'\\\n\r])*'/""",
    ),
    (
        "MLSTRING_LIT   : /",
        r'''MLSTRING_LIT   : /[rR]"""(?:(?!""")[\s\S])*"""|"""(?:\\[\s\S]|(?!""")[^\\])*"""/'''
        "\n"
        r"""               | /[rR]'''(?:(?!''')[\s\S])*'''|'''(?:\\[\s\S]|(?!''')[^\\])*'''/""",
    ),
    ("NULL_LIT       :", "QUOTED         : /`[^`\\n\\r]+`/\n\nNULL_LIT       :"),
    ("INT_LIT        : /-?/ /0x/ ", "INT_LIT        : /-?/ /0[xX]/ "),
)
"""Old text → new text. For a terminal given as text, everything up to the blank line is replaced."""
_TERMINAL: Final = ("STRING_LIT     : /", "MLSTRING_LIT   : /")


def shipped() -> str:
    """cel-python's grammar, read without its interpreter, which takes long to import."""
    found = find_spec("celpy")
    places = found.submodule_search_locations if found is not None else None
    if not places:
        raise RuntimeError("cel-python is not installed")
    return (Path(places[0]) / "cel.lark").read_text(encoding="utf-8")


def extended(grammar: str) -> str:
    """The grammar with our changes. Raises ValueError when a change finds nothing to replace."""
    for old, new in CHANGES:
        start = _only(grammar, old)
        end = grammar.index("\n\n", start) if old in _TERMINAL else start + len(old)
        grammar = grammar[:start] + new + grammar[end:]
    return grammar


def _only(grammar: str, old: str) -> int:
    if (count := grammar.count(old)) != 1:
        raise ValueError(f"the grammar has {count} of {old!r}")
    return grammar.index(old)


@lru_cache(maxsize=1)
def grammar() -> lark.Lark:
    """The parser's tables, built once per process, which takes a tenth of a second."""
    import lark

    return lark.Lark(
        extended(shipped()),
        parser="lalr",
        start="expr",
        g_regex_flags=re.M,
        lexer_callbacks={"IDENT": _bool_or_name},
        propagate_positions=True,
        maybe_placeholders=False,
    )


def _bool_or_name(token: Any) -> Any:
    return token.update(type="BOOL_LIT") if token in ("true", "false") else token
