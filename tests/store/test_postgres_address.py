"""URLs of a database: which parts they have, what is shown of them, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import SetupError
from syncropel.store.postgres.address import read_address


@pytest.mark.parametrize(
    ("url", "keywords"),
    [
        ("postgresql://ada@db.example.com:5433/log", "host=db.example.com port=5433 dbname=log user=ada"),
        ("postgres://db/log", "host=db dbname=log"),
        ("postgresql://a%40b@[::1]:5432/my%20log", "host=::1 port=5432 dbname=my log user=a@b"),
        ("postgresql://a:1,b:2/log", "host=a,b port=1,2 dbname=log"),
        ("postgresql://a,b:2/log", "host=a,b port=,2 dbname=log"),
        ("postgresql:///log?host=/run/postgresql", "host=/run/postgresql dbname=log"),
        ("postgresql:///log", "dbname=log"),
        ("postgresql://db/log?sslmode=verify-full", "host=db dbname=log sslmode=verify-full"),
    ],
)
def test_the_parts_of_a_url(url: str, keywords: str) -> None:
    assert " ".join(f"{key}={value}" for key, value in read_address(url).keywords().items()) == keywords


@pytest.mark.parametrize(
    "url",
    ["postgresql://ada@db:5433/log", "postgresql://a:1,b:2/log", "postgresql://[::1]:5432/log"],
)
def test_a_url_is_shown_as_it_was_given(url: str) -> None:
    assert read_address(url, "secret").shown == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://a:secret@db/log", "has a password"),
        ("postgresql://db/log?password=secret", "has a password"),
        ("postgresql://db:port/log", "is invalid"),
        ("postgresql://[::1/log", "is invalid"),
        ("http://db/log", "the scheme 'http'"),
        ("db.example.com/log", "the scheme ''"),
        ("postgresql://db", "names no database"),
        ("postgresql://db/a/b", "names no database"),
        ("postgresql://db/log#x", "'#'"),
        ("postgresql://db/log?options=-c%20fsync=off", "the parameter 'options'"),
    ],
)
def test_what_is_wrong_is_named_and_no_password_is_repeated(url: str, words: str) -> None:
    with pytest.raises(SetupError, match=words) as caught:
        read_address(url)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


@given(st.text(min_size=1))
def test_a_password_is_in_no_text_of_an_address(password: str) -> None:
    address = read_address("postgresql://u@h/d", f"<{password}>")
    assert f"<{password}>" not in f"{address!r} {address.shown}"
    assert address.keywords()["password"] == f"<{password}>"
