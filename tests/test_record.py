"""The id of a record is the same on every implementation: vectors, properties and the odd corners."""

import hashlib
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import InvalidRecord, RepeatedKey, TooLarge
from syncropel.record.canonical import MAX_DEPTH, MAX_INT_DIGITS, canonical_json, parse_json, parse_own
from syncropel.record.model import (
    MAX_BODY_BYTES,
    MAX_CLOCK,
    MAX_NAME_CHARS,
    MAX_PARENTS,
    Record,
    hash_input,
    parse_record,
    record_id,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "record_ids.json").read_text(encoding="utf-8"))

ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def independent_canonical(value: Any) -> str:
    """Canonical JSON written a second time, slowly and without the json module, to compare with."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'
    if isinstance(value, float):
        whole = Decimal(value) == Decimal(value).to_integral_value()
        return str(int(Decimal(value))) if whole else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: [ord(c) for c in key])
        return (
            "{"
            + ",".join(f"{independent_canonical(k)}:{independent_canonical(value[k])}" for k in keys)
            + "}"
        )
    return "[" + ",".join(map(independent_canonical, value)) + "]"


whole_text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | whole_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(whole_text, inner, max_size=5),
    max_leaves=25,
)
bodies = st.dictionaries(whole_text, json_values, max_size=6)
ids = st.text("0123456789abcdef", min_size=64, max_size=64)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


def minimal(**fields: Any) -> dict[str, Any]:
    """A record as posted, with `fields` over the required ones."""
    return {"thread": "th", "actor": "did:a", "act": "DO", "body": {}, **fields}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_published_vectors_hold(vector: dict[str, Any]) -> None:
    record = parse_record(parse_json(json.dumps(vector["record"])))
    assert hash_input(record) == vector["canonical"]
    assert record.id == vector["id"]


@given(bodies)
def test_canonical_json_agrees_with_a_second_implementation(body: dict[str, Any]) -> None:
    assert canonical_json(body) == independent_canonical(body)


@given(bodies)
def test_canonical_json_read_and_written_again_is_the_same_bytes(body: dict[str, Any]) -> None:
    text = canonical_json(body)
    assert canonical_json(parse_json(text)) == text
    assert canonical_json(parse_json(text.encode())) == text


@given(bodies, names, names, st.lists(ids, max_size=3), st.integers(0, MAX_CLOCK))
def test_a_record_has_one_id_whichever_way_it_came(
    body: dict[str, Any], thread: str, actor: str, parents: list[str], clock: int
) -> None:
    posted = minimal(thread=thread, actor=actor, parents=parents, clock=clock, body=body)
    expected = hashlib.sha256(
        independent_canonical({**posted, "parents": sorted(parents), "data_type": "SCALAR"}).encode()
    ).hexdigest()
    over_the_wire = parse_record(parse_json(json.dumps(posted)))
    built = Record(thread, actor, "DO", body, clock, tuple(reversed(parents)))
    unplaced = parse_record({**posted, "clock": None})
    assert unplaced.id == ""
    assert (
        over_the_wire.id
        == built.identified().id
        == record_id(built)
        == unplaced.with_clock(clock).id
        == expected
    )


@given(bodies, st.randoms())
def test_the_order_of_keys_does_not_matter(body: dict[str, Any], random: Any) -> None:
    items = list(body.items())
    random.shuffle(items)
    assert canonical_json(dict(items)) == canonical_json(body)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("2.0", "2"),
        ("-0.0", "0"),
        ("-0", "0"),
        ("1e21", "1000000000000000000000"),
        ("1E2", "100"),
        ("1e-7", "1e-07"),
        ("0.1", "0.1"),
        ("5e-324", "5e-324"),
        ("1e-400", "0"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("9007199254740993", "9007199254740993"),
        ("9007199254740993.0", "9007199254740992"),
        ("1.7976931348623157e308", str(int(1.7976931348623157e308))),
        (str(10**300 + 7), str(10**300 + 7)),
        ("-" + "9" * MAX_INT_DIGITS, "-" + "9" * MAX_INT_DIGITS),
    ],
)
def test_numbers(written: str, canonical: str) -> None:
    assert canonical_json(parse_json(f"[{written}]")) == f"[{canonical}]"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        (r'"\u00e9"', '"é"'),
        (r'"e\u0301"', '"e\u0301"'),  # no normalisation: é in two code points stays so
        (r'"\ud83d\ude00"', '"😀"'),
        (r'"\u2028\u2029\u007f"', '"\u2028\u2029\x7f"'),
        (r'"\/"', '"/"'),
        (r'"\u0000\u001f\b\f\n\r\t\"\\"', r'"\u0000\u001f\b\f\n\r\t\"\\"'),
        ('{"\U0001f600":1,"\uffee":2}', '{"\uffee":2,"\U0001f600":1}'),  # by code point, not by UTF-16 unit
        ('{"b":1,"a":2,"B":3,"":4}', '{"":4,"B":3,"a":2,"b":1}'),
        ('{"a":1,"A":2}', '{"A":2,"a":1}'),
    ],
)
def test_text_and_keys(written: str, canonical: str) -> None:
    assert canonical_json(parse_json(written)) == canonical


@pytest.mark.parametrize(
    "written", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * (MAX_INT_DIGITS + 1)]
)
def test_numbers_that_have_no_canonical_form_are_refused(written: str) -> None:
    with pytest.raises(InvalidRecord):
        parse_record(parse_json(json.dumps(minimal()).replace("{}", f'{{"x":{written}}}')))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10 ** (MAX_INT_DIGITS + 1)], ids=range(4))
def test_numbers_that_have_no_canonical_form_are_refused_from_inside_too(number: float) -> None:
    with pytest.raises(InvalidRecord):
        canonical_json({"deep": [number]})


@pytest.mark.parametrize(
    "value", [{1: 2}, {"a": {None: 1}}, {"a": {1, 2}}, {"a": b"bytes"}, [Decimal(1)], object()]
)
def test_what_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRecord):
        canonical_json(value)


@pytest.mark.parametrize("value", [None, True, 0, 1.0, "x", (), [], {}])
def test_any_json_value_has_a_canonical_form(value: Any) -> None:
    assert canonical_json(value) == independent_canonical(value)


def test_tuples_are_lists() -> None:
    assert canonical_json({"a": (1, (2.0,))}) == '{"a":[1,[2]]}'


@pytest.mark.parametrize("field", ["thread", "actor", "body"])
def test_half_a_surrogate_pair_is_refused_wherever_it_is(field: str) -> None:
    posted = minimal()
    posted[field] = {"x": "\ud800"} if field == "body" else "x\udfff"
    with pytest.raises(InvalidRecord, match="surrogate"):
        parse_record(posted)
    with pytest.raises(InvalidRecord, match="surrogate"):
        Record(**{**posted, "clock": 1}).identified()


def nested(depth: int) -> Any:
    value: Any = {}
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def test_nesting_is_taken_up_to_the_limit() -> None:
    assert canonical_json(nested(MAX_DEPTH)) == independent_canonical(nested(MAX_DEPTH))
    with pytest.raises(InvalidRecord, match="nested too deeply"):
        canonical_json(nested(MAX_DEPTH + 1))
    with pytest.raises(InvalidRecord, match="nested too deeply"):
        parse_json("[" * 100_000)


def test_a_body_that_contains_itself_is_refused() -> None:
    body: dict[str, Any] = {}
    body["self"] = [body]
    with pytest.raises(InvalidRecord, match="nested too deeply"):
        canonical_json(body)


class Pairs(list[tuple[str, Any]]):
    """An object of these keys and values, in this order."""


@given(
    st.recursive(
        st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(st.tuples(st.text('ab:"{', max_size=2), inner), max_size=4).map(Pairs)
        ),
        max_leaves=12,
    )
)
def test_a_key_twice_in_one_object_is_refused_and_nothing_else_is(value: Any) -> None:
    text = written(value)
    if repeated(value):
        with pytest.raises(RepeatedKey, match="occurs twice in one object"):
            parse_json(text)
    else:
        assert parse_json(text) == parse_own(text) == json.loads(text)


def written(value: Any) -> str:
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}: {written(one)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def repeated(value: Any) -> bool:
    if isinstance(value, Pairs):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(repeated(one) for _, one in value)
    return isinstance(value, list) and any(map(repeated, value))


def test_the_repeated_key_is_named_and_cut_short() -> None:
    with pytest.raises(RepeatedKey, match="the key 'b' occurs twice"):
        parse_json('{"a":1,"b":2,"c":3,"b":2,"a":1}')
    with pytest.raises(RepeatedKey) as refused:
        parse_json(f'{{"{"k" * 500}":1,"{"k" * 500}":1}}')
    assert len(refused.value.message) < 150


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":}', b"\xff", b'"\x01"', "[1] 2", b"\xef\xbb\xbf{}"])
def test_what_is_not_json_is_not_read(raw: bytes | str) -> None:
    with pytest.raises(InvalidRecord):
        parse_json(raw)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"act": "SHOUT"}, "act 'SHOUT' is unknown"),
        ({"act": ["DO"]}, "act .* is unknown"),
        ({"act": None}, "act None is unknown"),
        ({"data_type": "TEXT"}, "data_type"),
        ({"data_type": {}}, "data_type"),
        ({"thread": ""}, "thread must be"),
        ({"thread": 7}, "thread must be"),
        ({"actor": "a\x00b"}, "actor contains a control character"),
        ({"actor": "a\x9bb"}, "actor contains a control character"),
        ({"actor": "a" * (MAX_NAME_CHARS + 1)}, "over the limit of 512"),
        ({"clock": -1}, "clock must be"),
        ({"clock": True}, "clock must be"),
        ({"clock": 1.5}, "clock must be"),
        ({"clock": MAX_CLOCK + 1}, "clock must be"),
        ({"parents": "aa"}, "parents must be a list"),
        ({"parents": False}, "parents must be a list"),
        ({"parents": ["A" * 64]}, "64 lower-case hex"),
        ({"judged_by": "abc"}, "judged_by must be"),
        ({"body": []}, "body must be a JSON object, not a list"),
        ({"body": None}, "body must be a JSON object, not null"),
        ({"colour": 1}, "unknown field 'colour'"),
        ({"clock": 1, "id": "0" * 64}, "hashes to"),
    ],
)
def test_a_mistake_is_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRecord, match=words):
        parse_record(minimal(**fields))


@pytest.mark.parametrize("value", [[], "x", 1, True, None])
def test_a_record_is_an_object(value: Any) -> None:
    with pytest.raises(InvalidRecord, match="a record is a JSON object"):
        parse_record(value)


def test_limits_are_told() -> None:
    fitting = {"x": "é" * ((MAX_BODY_BYTES - 8) // 2)}
    assert parse_record(minimal(body=fitting, clock=0)).id
    with pytest.raises(TooLarge, match=str(MAX_BODY_BYTES)):
        parse_record(minimal(body={"x": fitting["x"] + "é"}))
    with pytest.raises(TooLarge, match=str(MAX_PARENTS)):
        parse_record(minimal(parents=["a" * 64] * (MAX_PARENTS + 1)))


def test_what_may_be_left_out() -> None:
    record = parse_record({"thread": "music.library", "actor": "did:a", "act": "PUT"})
    assert record == Record("music.library", "did:a", "PUT", {}, None, (), "SCALAR", None)


def test_judged_by_is_not_hashed() -> None:
    assert parse_record(minimal(clock=0)).id == parse_record(minimal(clock=0, judged_by="a" * 64)).id


def test_the_id_that_came_along_is_accepted_when_it_is_right() -> None:
    record = parse_record(minimal(clock=3))
    assert parse_record(minimal(clock=3, id=record.id)) == record


@pytest.mark.parametrize(
    ("body", "topic"),
    [({"topic": "a", "kind": "b"}, "a"), ({"kind": "b"}, "b"), ({"topic": 1}, ""), ({}, "")],
)
def test_topic(body: dict[str, Any], topic: str) -> None:
    assert Record("th", "did:a", "DO", body).topic == topic
