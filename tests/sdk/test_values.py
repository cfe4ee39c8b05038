"""What needs no daemon: kinds, references, canonical JSON, ids, inferences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel import (
    ActType,
    DataType,
    Identity,
    InferPending,
    Record,
    Ref,
    SyncropelKindError,
    build_infer_input,
    build_infer_query_body,
    canonical_json,
    canonical_value,
    find_infer_result,
    hash_levels,
    random_thread_id,
    record_id,
    sha256_hex,
    validate_kind,
    validate_scope,
)
from syncropel.record.model import parse_record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    ["music.catalog.track", "a.b.c.v2", "@music.track", "core.alias", "x.y_z.0-1", "@a.b.c.v0", "a.b.v1"],
)
def test_a_kind(kind: str) -> None:
    validate_kind(kind)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("", "segments"),
        ("music", "segments"),
        ("music.track", "category"),
        ("a.b.c.d", "version"),
        ("a.b.c.v", "version"),
        ("a.b.c.v2.d", "segments"),
        ("Music.a.b", "scope"),
        ("@.b.c", "scope"),
        ("a..c", "''"),
        ("a.b.é", "'é'"),
        ("a.b.c\n", "segment"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_kind(kind: Any, told: str) -> None:
    with pytest.raises(SyncropelKindError, match=told):
        validate_kind(kind)


def test_scopes() -> None:
    for scope in ("core", "x", "music", "@music", "a-b_0"):
        validate_scope(scope)
    for wrong in ("", "@", "A", "a.b", "@@a", None, "a\n"):
        with pytest.raises(SyncropelKindError):
            validate_scope(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "kind", "ident"),
    [
        (Ref.music_track(isrc="I", spotify_id="S"), "@music.track", "isrc:I"),
        (Ref.music_track(apple_id="A"), "@music.track", "apple:A"),
        (Ref.code_file(path="a/b.py", repo="o/r", git_url="g"), "@code.file", "github:o/r:a/b.py"),
        (Ref.code_file(path="a", git_url="https://g"), "@code.file", "git:https://g:a"),
        (Ref.ops_incident(linear="L"), "@ops.incident", "linear:L"),
        (Ref.cal_event(uid="U"), "@cal.event", "icalendar:U"),
        (Ref.social_person(did="did:x", email="e"), "@social.person", "did:x"),
        (Ref.social_person(email="e", handle="h", name="n"), "@social.person", "email:e"),
        (Ref.social_person(handle="h", name="n"), "@social.person", "h:n"),
        (Ref.media_photo(sha256="f"), "@media.photo", "sha256:f"),
        (Ref.media_video(vimeo="v"), "@media.video", "vimeo:v"),
        (Ref.doc_text(url="u", platform_id="p:1"), "@doc.text", "url:u"),
        (Ref.doc_text(platform_id="p:1"), "@doc.text", "p:1"),
        (Ref.fin_transaction(iso20022="i"), "@fin.transaction", "iso20022:i"),
        (Ref.research_paper(s2="s"), "@research.paper", "s2:s"),
        (Ref.core_thread(id="th_1"), "@core.thread", "thread:th_1"),
    ],
)
def test_a_reference(reference: dict[str, str], kind: str, ident: str) -> None:
    assert reference == {"kind": kind, "id": ident}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("music_track", {}),
        ("code_file", {"path": "p"}),
        ("code_file", {"path": "", "repo": "r"}),
        ("cal_event", {"uid": ""}),
        ("social_person", {"handle": "h"}),
        ("doc_text", {"platform_id": "p"}),
        ("doc_text", {}),
        ("core_thread", {"id": ""}),
    ],
)
def test_a_reference_to_nothing(name: str, given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"needs|platform:id"):
        getattr(Ref, name)(**given)


def test_identities() -> None:
    assert Identity.static("did:x").actor_did == "did:x"
    for wrong in ("", None):
        with pytest.raises(ValueError, match="DID"):
            Identity.static(wrong)  # type: ignore[arg-type]
    for later in (Identity.key, Identity.federated):
        with pytest.raises(NotImplementedError):
            later("x")


def test_a_record_has_the_id_that_a_daemon_gives_it() -> None:
    record = Record(ActType.KNOW, "a", {"n": 1.0}, 3, ["c" * 64, "b" * 64], "t", DataType.REFERENCE)
    assert record_id(record, fields=7) == parse_record(record.to_api_dict()).id
    assert record_id(record) == record_id(record.to_dict()) != record_id(record, fields=7)
    assert "judged_by" not in record.to_api_dict()


@given(JSON)
def test_canonical_values_are_written_as_they_are(value: Any) -> None:
    assert canonical_json(canonical_value(value)) == canonical_json(value)


def test_canonical_json() -> None:
    assert canonical_json({"b": [1.0, 2.5, None], "a": "é\u2028"}) == '{"a":"é\u2028","b":[1,2.5,null]}'
    assert canonical_value(2.0) == 2
    for wrong in (float("nan"), "\ud800", {1: 2}):
        with pytest.raises(ValueError, match=r"\S"):
            canonical_json({"x": wrong})
    with pytest.raises(TypeError):
        canonical_json({"x": {1}})


def test_hashes_of_a_shape() -> None:
    body = {"operation": "sort", "input_shape": "LIST", "domain": "d", "n": 1}
    levels, other = hash_levels("DO", body), hash_levels("DO", {**body, "n": 2, "domain": "e"})
    assert (levels.l2, levels.l3) == (other.l2, other.l3)
    assert not {levels.l0, levels.l1} & {other.l0, other.l1}
    assert levels.l3 == sha256_hex('{"in":"LIST","out":"VOID"}')
    assert levels.l1 == sha256_hex('{"d":"d","in":"LIST","op":"sort","out":"VOID","p":"DO"}')
    assert hash_levels("DO", {}).l0 == sha256_hex('{"in":"VOID","op":"do","out":"VOID","p":"DO","params":{}}')


def test_a_new_thread() -> None:
    assert len(random_thread_id()) == 67
    assert random_thread_id() != random_thread_id()


def test_a_question() -> None:
    asked = {"input": {"goal": "g"}, "responders": [{"kind": "llm"}], "fold": {"function": "f"}, "dial": None}
    assert build_infer_query_body(asked) == {
        "kind": "infer.query.v1",
        "input": {"inline": {"goal": "g"}},
        "answer_shape": {"kind": "inference.answer.v1"},
        "responders": [{"kind": "llm"}],
        "fold": {"function": "f"},
    }
    assert build_infer_input({"record_id": "x"}) == {"record_id": "x"}
    for missing in ("input", "responders", "fold"):
        with pytest.raises(ValueError, match=missing):
            build_infer_query_body({key: value for key, value in asked.items() if key != missing})
    wrong: Any
    for wrong in (None, []):
        with pytest.raises(TypeError):
            build_infer_query_body(wrong)
        with pytest.raises(TypeError):
            build_infer_input(wrong)


def test_an_answer_among_what_else_is_there() -> None:
    hostile = {"provenance": [3, {"weight": "x"}], "trust_summary": [], "cost_actual_usd": "much"}
    body = {"kind": "infer.result.v1", "fulfills": ["q", "r"], "answer": 42, "more": 1, "_v": 1, **hostile}
    records: list[dict[str, Any]] = [
        {"act": "DO", "body": body},
        {"act": "KNOW", "body": None},
        {"act": "KNOW", "body": {**body, "fulfills": "other"}},
        {"act": "KNOW", "body": {**body, "kind": "x"}},
        {"act": "KNOW", "body": body, "id": "a", "thread": "t"},
    ]
    found = find_infer_result(records, "r")
    assert found is not None
    assert (found.answer, found.know_record_id, found.thread_id) == (42, "a", "t")
    assert (found.extra, found.cost_actual_usd, found.latency_ms) == ({"more": 1}, 0.0, None)
    assert [one.weight for one in found.provenance] == [0.0]
    assert find_infer_result(records, "none") is None
    assert InferPending("q", "t").pending
