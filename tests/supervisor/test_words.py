"""What a supervisor is told and says, without Python's own json."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.supervisor.decide import Limits
from syncropel.supervisor.words import Spec, as_json, read_spec

SECS = st.floats(min_value=0)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_what_is_said_is_json(value: object) -> None:
    text = as_json(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert "\n" not in text


@pytest.mark.parametrize(
    ("char", "said"),
    [
        (" ", " "),
        ("~", "~"),
        ("\x7f", "\\u007f"),
        ("\x1f", "\\u001f"),
        ('"', "\\u0022"),
        ("\\", "\\u005c"),
        ("\uffff", "\\uffff"),
        ("\U00010000", "\\ud800\\udc00"),
        ("\U0010ffff", "\\udbff\\udfff"),
    ],
)
def test_how_a_character_is_said(char: str, said: str) -> None:
    assert as_json(char) == f'"{said}"'
    assert json.loads(as_json(char)) == char


def test_what_a_specification_is_by_default() -> None:
    spec = Spec(["true"], "/", Limits(**dict.fromkeys(Limits.__slots__, 1.0)))
    assert (spec.tells_start, spec.stdin, spec.stderr, spec.user) == (False, "null", "", None)


def test_a_tuple_is_a_list() -> None:
    assert as_json((1, "a", None)) == '[1, "a", null]'


@given(
    limits=st.fixed_dictionaries(dict.fromkeys(Limits.__slots__, SECS)),
    command=st.lists(TEXT, min_size=1),
    cwd=TEXT,
    tells_start=st.booleans(),
    stdin=st.sampled_from(["null", "pipe", "/a file=1"]),
    stderr=st.sampled_from(["", "/errors of=a goal"]),
    user=st.none() | st.lists(st.integers(0, 2**31), min_size=2),
    sandboxed=st.booleans(),
)
def test_a_specification_reads_back(
    limits: dict[str, float],
    command: list[str],
    cwd: str,
    tells_start: bool,
    stdin: str,
    stderr: str,
    user: list[int] | None,
    sandboxed: bool,
) -> None:
    spec = Spec(
        command,
        cwd,
        Limits(**limits),
        tells_start=tells_start,
        stdin=stdin,
        stderr=stderr,
        user=user,
        sandboxed=sandboxed,
    )
    read = read_spec(spec.as_words())
    assert (read.command, read.cwd, read.stdin, read.stderr) == (command, cwd, stdin, stderr)
    assert (read.tells_start, read.user, read.sandboxed) == (tells_start, user, sandboxed)
    assert read.limits.as_dict() == limits


@pytest.mark.parametrize("words", [[], ["--"], ["run=1", "--", "x"], ["nonsense", "--", "x"]])
def test_what_is_no_specification(words: list[str]) -> None:
    with pytest.raises((ValueError, KeyError)):
        read_spec(words)
