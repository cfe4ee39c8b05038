"""The grammar is cel-python's, with changes of ours that a new release of it may not undo in silence."""

from __future__ import annotations

import subprocess
import sys

import pytest

from syncropel.cel.grammar import CHANGES, extended, shipped
from syncropel.cel.parser import MAX_NODES, parse
from syncropel.cel.syntax import (
    BadSyntax,
    Call,
    Choice,
    Index,
    ListLiteral,
    Literal,
    MapLiteral,
    Name,
    Select,
)


@pytest.mark.parametrize("old", [old for old, _ in CHANGES])
def test_a_release_that_writes_a_rule_in_another_way_is_noticed(old: str) -> None:
    whole = shipped()
    assert extended(whole)
    with pytest.raises(ValueError, match="has 0 of"):
        extended(whole.replace(old, "// gone\n", 1))
    with pytest.raises(ValueError, match="has 2 of"):
        extended(f"{whole}\n{old}")


def test_only_the_grammar_is_read() -> None:
    """cel-python's interpreter takes longer to import than everything else in a daemon's policy."""
    code = "import sys; from syncropel.cel.parser import parse; parse('1'); exit('celpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_optional_members_items_and_entries() -> None:
    select = parse("a.?b")
    assert isinstance(select, Select)
    assert (select.name, select.optional, select.named_at) == ("b", True, 3)
    index = parse("a[?0]")
    assert isinstance(index, Index)
    assert index.optional
    items = parse("[?a, b,]")
    assert isinstance(items, ListLiteral)
    assert items.optional == (True, False)
    entries = parse("{?'a': b, 'c': d,}")
    assert isinstance(entries, MapLiteral)
    assert entries.optional == (True, False)
    assert isinstance(parse("a ?.5 : 1"), Choice)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (r"'\X41\x42\?\`\a'", "AB?`\a"),
        (r"'\u00e9\U0001F431\101'", "é\U0001f431A"),
        (r"r'\n'", r"\n"),
        (r"'\d'", r"\d"),
        ("''", ""),
        ('""""""', ""),
        ("'''a'b\nc'''", "a'b\nc"),
        (r"b'\xff\377é'", b"\xff\xff\xc3\xa9"),
        (r"br'\x'", rb"\x"),
        ("0X1f", 31),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551615u", 2**64 - 1),
        ("-1.5e3", -1500.0),
    ],
)
def test_literals(source: str, value: object) -> None:
    found = parse(source)
    assert isinstance(found, Literal)
    assert found.value == value


@pytest.mark.parametrize(
    "source",
    [
        r"'\uD800'",
        r"'\U00110000'",
        r"b'\u0041'",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616u",
        "1" * 5_000,
    ],
)
def test_a_literal_out_of_range_is_shown_at_its_place(source: str) -> None:
    with pytest.raises(BadSyntax, match="is out of range") as refused:
        parse(f"1 == {source}")
    assert refused.value.at == 5


@pytest.mark.parametrize("end", ["", "'", '"', "''"])
@pytest.mark.parametrize("start", ["'", '"', "'''", '"""', "r'", "b'"])
def test_a_text_without_its_end_is_refused_at_once(start: str, end: str) -> None:
    """Read in more than one way, these would take until the end of the world."""
    for inside in (r"\n", r"\\", r"\101", "a", r"\u0041"):
        try:
            parse(start + inside * 1_500 + end)
        except BadSyntax:
            continue
        assert start.endswith(end)


def test_a_program_of_too_many_parts_is_refused() -> None:
    parse(f"[{','.join(['1'] * (MAX_NODES - 1))}]")
    with pytest.raises(BadSyntax, match=f"over {MAX_NODES} parts"):
        parse(f"[{','.join(['1'] * MAX_NODES)}]")


@pytest.mark.parametrize("source", ["a{}", "a{b: 1}", "a.b{}", "1{}"])
def test_there_are_no_messages(source: str) -> None:
    with pytest.raises(BadSyntax, match="no message types"):
        parse(source)


def test_places_of_names() -> None:
    call = parse(" a . bcd ( e )")
    assert isinstance(call, Call)
    assert (call.at, call.named_at) == (1, 5)
    assert isinstance(call.of, Name)
    assert call.arguments[0].at == 11
    assert parse(" [ ]").at == 1
    assert parse(" { }").at == 1
