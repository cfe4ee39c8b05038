"""Namespaces: one grammar, and a registry that narrows what may be written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import InvalidNamespace
from syncropel.folds.control.namespaces import (
    MAX_SEGMENT_CHARS,
    REMEMBERED,
    Namespaces,
    covers,
    level_of,
    lineage,
    name_in,
    over,
    parse_namespace,
)
from syncropel.record.threads import ENGINE_CONFIG, NAMESPACE_REGISTRY
from tests.folds.build import record, store

LONGEST = "a" * MAX_SEGMENT_CHARS
GOOD = [
    "default", "docs", "0", "a.b_c-d", "docs/v0.11", "org/project/env/job", "default.x", "x/y.z",
    LONGEST, "/".join([LONGEST] * 4),
]  # fmt: skip
BAD = {
    "": "a segment is empty",
    "/": "a segment is empty",
    "/docs": "a segment is empty",
    "docs/": "a segment is empty",
    "a//b": "a segment is empty",
    "Docs": "segments use a–z, 0–9, '.', '_', '-'",
    " docs": "segments use",
    "docs ": "segments use",
    "docs\n": "segments use",
    "do cs": "segments use",
    "ｄｏｃｓ": "segments use",
    "dócs": "segments use",
    "docs/V1": "segments use",
    "*": "segments use",
    "docs/*": "segments use",
    "a\\b": "segments use",
    "²": "segments use",
    ".": "segments begin",
    "..": "segments begin",
    "docs/../code": "segments begin",
    "-docs": "segments begin",
    "_": "segments begin",
    "a/b/c/d/e": "at most 4 levels: org/project/env/job",
    "a/b/c/d/e/f": "at most 4 levels",
    LONGEST + "a": "at most 63 characters",
    "docs/" + LONGEST + "a": "at most 63 characters",
    "/".join([LONGEST] * 4) + "a": "at most 63 characters",
    "x" * 5000: "at most 256 characters",
    "a/" * 500_000: "at most 256 characters",
    "default/x": "'default' stands alone",
    "x/default": "'default' stands alone",
}


@pytest.mark.parametrize("text", GOOD)
def test_what_the_grammar_allows(text: str) -> None:
    assert parse_namespace(text) == tuple(text.split("/"))


@pytest.mark.parametrize("text", BAD, ids=[repr(text)[:20] for text in BAD])
def test_what_it_does_not_allow(text: str) -> None:
    with pytest.raises(InvalidNamespace) as told:
        parse_namespace(text)
    message = told.value.message
    assert message.startswith(f"invalid namespace {text[:60]!r}"[:-1])
    assert BAD[text] in message
    assert len(message) < 200
    assert "docs/v1" in told.value.hint
    assert told.value.status == 422


def test_the_place_is_named_where_it_is_given() -> None:
    with pytest.raises(InvalidNamespace) as told:
        parse_namespace("Docs", "body.namespace")
    assert told.value.message == (
        "body.namespace: invalid namespace 'Docs': segments use a–z, 0–9, '.', '_', '-'"
    )


SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


@given(st.text("aZ09._-/ *é", max_size=20) | st.text(max_size=10) | st.from_regex(SEGMENT, fullmatch=True))
def test_the_grammar_in_one_line(text: str) -> None:
    segments = text.split("/")
    good = len(segments) <= 4 and all(SEGMENT.fullmatch(one) for one in segments)
    good = good and ("default" not in segments or segments == ["default"])
    try:
        parse_namespace(text)
    except InvalidNamespace:
        assert not good
    else:
        assert good


@pytest.mark.parametrize(
    ("namespace", "level", "ancestors"),
    [
        ("default", "default", ["default"]),
        ("a", "org", ["a"]),
        ("a/b", "project", ["a", "a/b"]),
        ("a/b/c", "env", ["a", "a/b", "a/b/c"]),
        ("a/b/c/d", "job", ["a", "a/b", "a/b/c", "a/b/c/d"]),
        ("a/b/c/d/e", "job", ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e"]),
        ("a//b", "env", ["a", "a/", "a//b"]),
        ("/a", "project", ["", "/a"]),
    ],
)
def test_levels_and_lineage(namespace: str, level: str, ancestors: list[str]) -> None:
    assert level_of(namespace) == level
    assert list(lineage(namespace)) == ancestors
    assert all(covers(one, namespace) for one in ancestors)
    assert over(namespace, {*ancestors, "b", "aa", "a/b/c/d/e/f"} - {"default"}) == [
        one for one in ancestors if one != "default"
    ]


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("docs", "docs", True),
        ("docs", "docs/v1", True),
        ("docs", "docs/v1/x", True),
        ("docs", "docs2", False),
        ("docs/v1", "docs", False),
        ("doc", "docs", False),
        ("code", "docs", False),
    ],
)
def test_what_covers_what(outer: str, inner: str, expected: bool) -> None:
    assert covers(outer, inner) == expected
    assert over(inner, [outer]) == ([outer] if expected else [])


def test_a_name_of_any_depth_of_an_older_log_costs_no_more_than_the_names_that_may_cover_it() -> None:
    deep = "a/" * 500_000
    assert over(deep, ["a", "a/a", "b", deep]) == ["a", "a/a", deep]
    registry = registered(("namespace_archived", "a/a"))
    rejection = registry.rejection(deep)
    assert rejection is not None
    assert rejection.ancestor == "a/a"


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"namespace": "docs"}, "docs"), ({"namespace": ["docs"]}, ""), ({"namespace": None}, ""), ({}, "")],
)
def test_the_name_in_a_body(body: dict[str, object], expected: str) -> None:
    assert name_in(body) == expected


def registered(
    *said: tuple[str, str], strict: bool | None = None, thread: str = NAMESPACE_REGISTRY
) -> Namespaces:
    registry = Namespaces()
    words = [{"topic": topic, "namespace": name} for topic, name in said]
    if strict is not None:
        words.append({"topic": "namespace_strict", "strict": strict})  # type: ignore[dict-item]
    for stored in store(record("LEARN", at, word, thread=thread) for at, word in enumerate(words)):
        registry.apply(stored)
    return registry


OPEN, CLOSED, GONE = "namespace_created", "namespace_archived", "namespace_deleted"


@pytest.mark.parametrize(
    ("said", "strict", "namespace", "ancestor", "problem"),
    [
        ([], False, "docs", "", ""),
        ([], True, "docs", "docs", "is not registered"),
        ([], True, "default", "", ""),
        ([(OPEN, "docs")], True, "docs", "", ""),
        ([(OPEN, "docs")], True, "docs/v1", "docs/v1", "is not registered"),
        ([(OPEN, "docs/v1")], True, "docs/v1", "docs", "is not registered"),
        ([(OPEN, "docs"), (OPEN, "docs/v1")], True, "docs/v1", "", ""),
        ([(CLOSED, "docs")], False, "docs", "docs", "is archived"),
        ([(CLOSED, "docs")], False, "docs/v1/x", "docs", "is archived"),
        ([(CLOSED, "docs")], False, "docs2", "", ""),
        ([(CLOSED, "docs"), (OPEN, "docs")], False, "docs", "", ""),
        ([(GONE, "docs")], False, "docs/v1", "docs", "was deleted"),
        ([(GONE, "docs/v1")], False, "docs", "", ""),
        ([(CLOSED, "docs"), (GONE, "docs/v1")], False, "docs/v1", "docs", "is archived"),
        ([(CLOSED, "default")], False, "default", "", ""),
        ([(CLOSED, "docs/v1")], True, "docs/v1", "docs", "is not registered"),
    ],
)
def test_the_registry(
    said: list[tuple[str, str]], strict: bool, namespace: str, ancestor: str, problem: str
) -> None:
    registry = registered(*said, strict=strict)
    for _ in range(2):  # the second is remembered
        rejection = registry.rejection(namespace)
        assert (rejection is None) == (ancestor == "")
        if rejection is not None:
            assert (rejection.ancestor, rejection.problem) == (ancestor, problem)
            assert rejection.mend == f"spl namespace create {ancestor}"


def test_what_is_remembered_goes_with_the_next_word() -> None:
    registry = registered()
    assert registry.rejection("docs") is None
    words = [{"topic": CLOSED, "namespace": "docs"}, {"topic": OPEN, "namespace": "docs"}]
    closed, opened = store(
        record("LEARN", at, word, thread=NAMESPACE_REGISTRY) for at, word in enumerate(words)
    )
    registry.apply(closed)
    assert registry.rejection("docs") is not None
    for number in range(REMEMBERED + 1):
        registry.rejection(f"n{number}")
    assert len(registry._rejections) <= REMEMBERED
    assert registry.rejection("docs") is not None
    registry.apply(opened)
    assert registry.rejection("docs") is None


def test_what_is_no_word_of_the_registry() -> None:
    assert registered((CLOSED, "docs"), thread=ENGINE_CONFIG).known == {}
    odd = registered(("namespace_burned", "docs"))
    assert odd.known == {}
    for body in ({"topic": CLOSED, "namespace": ["docs"]}, {"topic": CLOSED}):
        (stored,) = store([record("LEARN", 9, body, thread=NAMESPACE_REGISTRY)])
        odd.apply(stored)
    (stored,) = store([record("KNOW", 9, {"topic": CLOSED, "namespace": "docs"}, thread=NAMESPACE_REGISTRY)])
    odd.apply(stored)
    assert odd.known == {}
    assert odd.latest == {}
