"""Named contexts: kept, chosen, and which daemon a command reaches with which token."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]
PROD = "spl_prod_ops_0123456789abcdef"
OTHER = "spl_dev_ops_fedcba9876543210"
URL = "https://fleet.example.org:9100"


@pytest.fixture
def prod(spl: Spl, home: Path) -> Path:
    """A context with a token; gives the home folder."""
    secret = home / "token.txt"
    secret.write_text(PROD + "\n")
    ran = spl("context", "add", "prod", "--url", URL, "--colour", "red", "--token-file", str(secret))
    assert ran.code == 0, ran.err
    return home / ".syncro"


def test_a_token_is_private_and_never_shown(spl: Spl, prod: Path) -> None:
    kept = prod / "secrets" / "context-prod.token"
    assert kept.read_text().strip() == PROD
    for path in (kept, prod / "contexts.toml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PROD not in (prod / "contexts.toml").read_text()
    for words in (["list"], ["show", "prod"], ["list", "-o", "json"], ["show", "prod", "-o", "json"]):
        ran = spl("context", *words)
        assert "saved" in ran.out
        assert PROD not in ran.out + ran.err


def test_a_token_comes_from_stdin_and_can_be_replaced(
    spl: Spl, prod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(OTHER + "\n"))
    assert spl("context", "token", "prod", "--token-stdin").code == 0
    assert (prod / "secrets" / "context-prod.token").read_text().strip() == OTHER


def test_what_is_no_token_is_refused_before_anything_is_written(
    spl: Spl, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2\n"))
    ran = spl("context", "add", "prod", "--url", URL, "--token-stdin")
    assert ran.code == 2
    assert "hunter2" not in ran.err
    assert not (home / ".syncro" / "contexts.toml").exists()


@pytest.mark.parametrize(
    ("typed", "environment", "current", "reached", "token"),
    [
        ([], {}, "local", "http://spl", ""),
        ([], {}, "prod", URL, PROD),
        (["--context", "local"], {}, "prod", "http://spl", ""),
        ([], {"SPL_CONTEXT": "prod"}, "local", URL, PROD),
        (["--context", "local"], {"SPL_CONTEXT": "prod"}, "local", "http://spl", ""),
        ([], {"SPL_URL": "http://a:1", "SPL_TOKEN": OTHER}, "prod", "http://a:1", OTHER),
        ([], {"SPL_URL": "http://a:1", "SPL_CONTEXT": "prod"}, "local", "http://a:1", ""),
        (["--url", "http://b:2"], {"SPL_CONTEXT": "prod"}, "prod", "http://b:2", ""),
        (["--context", "prod"], {"SPL_URL": "http://a:1", "SPL_TOKEN": OTHER}, "local", URL, PROD),
    ],
)
def test_what_is_typed_decides_then_the_environment_then_the_current_context(
    spl: Spl,
    daemon: FakeDaemon,
    prod: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: list[str],
    environment: dict[str, str],
    current: str,
    reached: str,
    token: str,
) -> None:
    assert spl("context", "use", current).code == 0
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    daemon.answer("/v1/namespaces", {"object": "list", "data": [], "next_cursor": None})
    for words in ([*typed, "namespace", "list"], ["namespace", "list", *typed]):
        assert spl(*words).code == 0
        request = daemon.requests[-1]
        assert str(request.url) == f"{reached}/v1/namespaces"
        assert request.headers.get("authorization", "") == (f"Bearer {token}" if token else "")


def test_two_daemons_at_once_are_refused(spl: Spl, prod: Path) -> None:
    ran = spl("--url", "http://a:1", "--context", "prod", "status")
    assert ran.code == 2
    assert "two daemons" in ran.err


def test_an_unknown_context_is_told_with_those_there_are(spl: Spl, prod: Path) -> None:
    for words in (["context", "use", "prd"], ["--context", "prd", "status"], ["context", "show", "prd"]):
        ran = spl(*words)
        assert ran.code == 1
        assert "there are: local, prod" in ran.err


def test_one_that_exists_is_changed_only_with_replace_and_keeps_its_token(spl: Spl, prod: Path) -> None:
    ran = spl("context", "add", "prod", "--url", "http://127.0.0.1:9100")
    assert ran.code == 1
    assert "--replace" in ran.err
    ran = spl("context", "add", "prod", "--url", "http://127.0.0.1:9100", "--replace", "-o", "json")
    assert ran.json == {
        "name": "prod", "url": "http://127.0.0.1:9100", "current": False, "opens": "changes", "colour": "",
        "token": "saved", "ca_file": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "opens"),
    [
        (["--url", URL], "read-only"),
        (["--url", URL, "--no-read-only"], "changes"),
        (["--url", "http://localhost:9"], "changes"),
        (["--url", "http://[::1]:9", "--read-only"], "read-only"),
        (["--url", "http://127.0.0.1.example.org"], "read-only"),
    ],
)
def test_it_opens_read_only_unless_it_is_here_or_told_otherwise(
    spl: Spl, words: list[str], opens: str
) -> None:
    spl("context", "add", "one", *words)
    assert spl("context", "show", "one", "-o", "json").json["opens"] == opens


def test_what_a_person_noted_in_the_file_stays(spl: Spl, prod: Path) -> None:
    place = prod / "contexts.toml"
    place.write_text('[contexts.prod] # ask Ana\nurl = "https://fleet.example.org:9100"\n')
    place.chmod(0o600)
    assert spl("context", "add", "dev.1", "--url", "http://127.0.0.1:9100", "--read-only").code == 0
    assert spl("context", "use", "dev.1").code == 0
    text = place.read_text()
    assert '[contexts.prod] # ask Ana\nurl = "https://fleet.example.org:9100"\n' in text
    assert spl("context", "remove", "dev.1").code == 0
    assert spl("context", "remove", "prod").code == 0
    assert "example.org" not in place.read_text()


def test_removing_the_current_one_leads_back_home(spl: Spl, prod: Path) -> None:
    spl("context", "use", "prod")
    assert "commands talk to local now" in spl("context", "remove", "prod").out
    assert not (prod / "secrets" / "context-prod.token").exists()
    assert [one["name"] for one in spl("context", "list", "-o", "json").json["data"]] == ["local"]


@pytest.mark.parametrize("name", ["local", "../up", "a b", "", "ä", "a" * 33, "-x"])
def test_names_that_could_lead_elsewhere_are_refused(spl: Spl, name: str) -> None:
    assert spl("context", "add", "--url", URL, "--", name).code == 2


@pytest.mark.parametrize(
    "url", ["ftp://a", "a:9100", "http://", "http://u:p@a", "http://a?t=1", "http://a\n[x]", "http://a:99999"]
)
def test_what_is_no_url_is_refused(spl: Spl, url: str) -> None:
    assert spl("context", "add", "one", "--url", url).code == 2


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        'current = 3\n[contexts.a]\nurl="http://a"',
        "[contexts.a]",
        '[contexts.a]\nurl="ftp://a"',
        '[contexts.a]\nurl="http://a"\ntoken="x"',
        '[contexts.a]\nurl="http://a"\ncolour="mauve"',
        '[contexts."../a"]\nurl="http://a"',
    ],
)
def test_a_broken_file_is_told_by_name(spl: Spl, home: Path, text: str) -> None:
    (home / ".syncro").mkdir()
    (home / ".syncro" / "contexts.toml").write_text(text)
    ran = spl("status")
    assert ran.code == 1
    assert "contexts.toml" in ran.err


def test_the_warning_of_a_token_on_an_open_line(spl: Spl) -> None:
    assert "not encrypted" in spl("context", "add", "one", "--url", "http://10.0.0.9:9100").err


def test_an_expressions_context_is_not_a_fleets(spl: Spl, daemon: FakeDaemon, prod: Path) -> None:
    daemon.answer("/v1/expr/check", {"ok": True, "context": "join", "size": 3})
    spl("--context", "prod", "expr", "check", "true", "--context", "join")
    assert daemon.requests[-1].url.host == "fleet.example.org"
    assert daemon.body()["context"] == "join"
