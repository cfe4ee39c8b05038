"""An archive is used as a whole or not at all, and a seal opens with its passphrase alone."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from syncropel.daemon.belongings import sealing
from syncropel.daemon.belongings.archive import CONTENTS, Contents, check, extract, pack
from syncropel.daemon.belongings.sealing import WrongPassphrase, check_seal, seal, unseal
from syncropel.errors import SetupError, StoreCorrupt

DID = "did:sync:instance:0123456789abcdef"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "COST", {"n": 2, "r": 1, "p": 1})


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[str, Path]]:
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "a").chmod(0o644)
    (tmp_path / "b").write_bytes(b"second" * 1000)
    (tmp_path / "b").chmod(0o640)
    return [("keys/a", tmp_path / "a"), ("data/tasks/b", tmp_path / "b")]


def packed(files: list[tuple[str, Path]]) -> bytes:
    target = io.BytesIO()
    pack(target, DID, 12.5, files)
    return target.getvalue()


def remade(archive: bytes, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> io.BytesIO:
    """The archive with each member as `change` gives it, by somebody who knows what a tar is."""
    target = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=target, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            changed = change(member.name, file.read())
            if changed is not None:
                other = tarfile.TarInfo(changed[0])
                other.size = len(changed[1])
                new.addfile(other, io.BytesIO(changed[1]))
    return target


def test_what_goes_in_comes_out(files: list[tuple[str, Path]]) -> None:
    source = io.BytesIO(packed(files))
    found = check(source, "it")
    assert (found.did, found.made_at) == (DID, 12.5)
    assert {name: one.mode for name, one in found.files.items()} == {"keys/a": 0o644, "data/tasks/b": 0o640}
    with tarfile.open(fileobj=io.BytesIO(source.getvalue())) as tar:
        assert [(one.name, one.mode) for one in tar] == [
            ("keys/a", 0o644),
            ("data/tasks/b", 0o640),
            (CONTENTS, 0o600),
        ]
    assert list(extract(source, "keys")) == [(PurePosixPath("a"), b"first")]
    assert list(extract(source, "data")) == [(PurePosixPath("tasks/b"), b"second" * 1000)]
    assert list(extract(source, "config")) == []


def test_an_archive_without_files_is_one(tmp_path: Path) -> None:
    assert check(io.BytesIO(packed([])), "it") == Contents(DID, 12.5, {})


def test_one_that_is_cut_anywhere_is_refused(files: list[tuple[str, Path]]) -> None:
    whole = packed(files)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        member = tar.getmember(CONTENTS)
    end = member.offset_data + member.size  # what follows is padding
    for length in (*range(0, end, 211), end - 1):
        with pytest.raises(StoreCorrupt, match="it is damaged"):
            check(io.BytesIO(whole[:length]), "it")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda name, body: (name, body.replace(b"first", b"worst")), "keys/a is altered"),
        (lambda name, body: None if name == "keys/a" else (name, body), "keys/a is missing"),
        (lambda name, body: None if name == CONTENTS else (name, body), "its end is missing"),
        (lambda name, body: ("keys/z" if name == "keys/a" else name, body), "keys/a is missing"),
        (lambda name, body: ("keys/a" if name == "data/tasks/b" else name, body), "is in it twice"),
        (lambda name, body: (name, body.replace(b'"version": 1', b'"version": 2')), "it has version 2"),
        (lambda name, body: (name, body.replace(b'"files"', b'"pile"')), "files"),
        (lambda name, body: (name, b"[]" if name == CONTENTS else body), "damaged"),
    ],
)
def test_one_that_was_changed_is_refused(
    files: list[tuple[str, Path]], change: Callable[[str, bytes], tuple[str, bytes] | None], told: str
) -> None:
    with pytest.raises(StoreCorrupt, match=told):
        check(remade(packed(files), change), "it")


def test_a_file_more_than_it_names_is_refused(files: list[tuple[str, Path]]) -> None:
    def without(name: str, body: bytes) -> tuple[str, bytes]:
        if name != CONTENTS:
            return name, body
        document = json.loads(body)
        del document["files"]["keys/a"]
        return name, json.dumps(document).encode()

    with pytest.raises(StoreCorrupt, match="keys/a does not belong to it"):
        check(remade(packed(files), without), "it")


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "keys/../../evil", "plain"])
def test_a_name_that_leads_elsewhere_is_refused(files: list[tuple[str, Path]], name: str) -> None:
    with pytest.raises(StoreCorrupt, match="is no name of a file"):
        check(io.BytesIO(packed([(name, files[0][1])])), "it")


def test_a_link_is_no_file(files: list[tuple[str, Path]]) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        link = tarfile.TarInfo("keys/a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(StoreCorrupt, match="keys/a is no file"):
        check(target, "it")


def test_a_seal_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    sealed = seal(b"secret" * 100, "pässword")
    assert b"secret" not in sealed
    assert seal(b"secret" * 100, "pässword") != sealed
    assert unseal(sealed, "pässword", tmp_path) == b"secret" * 100
    with pytest.raises(WrongPassphrase, match="does not open") as caught:
        unseal(sealed, "password", tmp_path)
    assert "nothing was changed" in caught.value.hint


def test_a_cut_seal_is_told_from_a_wrong_passphrase(tmp_path: Path) -> None:
    sealed = seal(b"secret" * 100, "right")
    for length in range(0, len(sealed) - 2, 37):
        with pytest.raises(StoreCorrupt, match="is damaged"):
            unseal(sealed[:length], "right", tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "another"),
        ("n", 2**30),
        ("n", 0),
        ("n", True),
        ("n", 3),
        ("r", 1000),
        ("p", 0),
        ("p", "1"),
        ("p", 1.0),
        ("salt", "no hex"),
        ("salt", 7),
        ("token", "gAAAA"),
        ("token", None),
        ("sha256", ""),
    ],
)
def test_an_altered_seal_is_refused(tmp_path: Path, key: str, value: object) -> None:
    document = json.loads(seal(b"secret", "right"))
    document[key] = value
    with pytest.raises(StoreCorrupt, match="is damaged"):
        unseal(json.dumps(document).encode(), "right", tmp_path)


def test_a_salt_that_was_swapped_opens_nothing(tmp_path: Path) -> None:
    document = json.loads(seal(b"secret", "right"))
    document["salt"] = "00" * 16
    with pytest.raises(WrongPassphrase):
        unseal(json.dumps(document).encode(), "right", tmp_path)


def test_a_seal_costs_what_is_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    """OWASP's advice for scrypt with 32 MiB; a change of it is a decision, not an accident."""
    monkeypatch.undo()
    assert sealing.COST == {"n": 2**15, "r": 8, "p": 3}
    assert all(sealing.COST[name] <= most for name, most in sealing._MOST.items())


@pytest.mark.parametrize(("name", "most"), [("n", 2**20), ("r", 16), ("p", 16)])
def test_a_cost_is_taken_up_to_its_limit_and_not_beyond(tmp_path: Path, name: str, most: int) -> None:
    document = json.loads(seal(b"secret", "right"))
    for cost, good in ((0, False), (1, True), (most, True), (most + 1, False)):
        altered = json.dumps({**document, name: cost}).encode()
        if good:
            assert check_seal(altered, tmp_path)[name] == cost
        else:
            with pytest.raises(StoreCorrupt, match=f"{name} is {cost}"):
                check_seal(altered, tmp_path)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal(b"secret", "right")
    monkeypatch.setattr("syncropel.settings.passphrase.find_spec", lambda name: None)
    with pytest.raises(SetupError) as caught:
        seal(b"secret", "right")
    assert "syncropel-console[seal]" in caught.value.hint
    with pytest.raises(SetupError, match="cryptography"):
        unseal(sealed, "right", tmp_path)
