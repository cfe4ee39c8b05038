"""`spl agent setup` and `spl doctor` for agents that are talked to: gemini, opencode, all with `--ask`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.launcher.logins import login_of
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home

from .conftest import Ran

Spl = Callable[..., Ran]
AGENT = '#!/bin/sh\n[ "$*" = --version ] && echo "{version}" || exit 3\n'


@pytest.fixture
def programs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that has git and nothing else, no variable of an agent, and a repository as the folder."""
    folder, repo = home / "bin", home / "app"
    folder.mkdir()
    repo.mkdir()
    git = str(shutil.which("git"))
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "begin"]):
        subprocess.run(
            [git, "-c", "user.name=t", "-c", "user.email=t@localhost", *words], cwd=repo, check=True
        )
    for name in ("git", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name in set(os.environ) - {"HOME", "SYNCROPEL_HOME", "LANG", "TZ"}:
        if not name.startswith(("PYTEST", "SYNCRO", "SPL", "PYTHON", "COVERAGE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.chdir(repo)
    return folder


def install(folder: Path, name: str, version: str) -> None:
    program = folder / name
    program.write_text(AGENT.format(version=version))
    program.chmod(0o755)


def tables(home: Path) -> dict[str, AdapterTable]:
    return dict(load_settings(Home(home / ".syncro"), {}).adapters.tables)


def findings(spl: Spl) -> dict[str, dict[str, Any]]:
    return {one["about"]: one for one in spl("doctor", "-o", "json").json["findings"]}


def write(path: Path, **content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def test_agents_that_are_talked_to_are_set_up(
    spl: Spl, home: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "gemini", "0.61.0")
    install(programs, "opencode", "1.18.33")
    monkeypatch.setenv("GEMINI_API_KEY", "very-secret")

    ran = spl("agent", "setup")

    assert (ran.code, ran.err) == (0, "")
    gemini, opencode = tables(home)["gemini"], tables(home)["opencode"]
    assert (gemini.options, gemini.model, gemini.env) == (
        {"permissions": "auto"},
        "gemini-2.5-pro",
        ("GEMINI_API_KEY",),
    )
    assert (opencode.options, opencode.model, opencode.env) == (
        {"permissions": "ask"},
        "",
        ("GEMINI_API_KEY",),
    )
    assert (gemini.default_budget_usd, opencode.default_budget_usd) == (2.0, 2.0)
    assert "0.61.0" in ran.out
    assert "not on PATH: npm install -g @openai/codex" in ran.out
    assert "  spl fleet start --workers 2 --adapter gemini\n" in ran.out
    assert "very-secret" not in ran.out + (home / ".syncro" / "config.toml").read_text()
    assert findings(spl)["agent gemini"]["told"] == "0.61.0; login found: GEMINI_API_KEY is set"
    assert findings(spl)["agent opencode"]["state"] == "ok"


def test_with_ask_each_agent_asks_and_its_program_is_the_one_that_can(
    spl: Spl, home: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "claude", "2.1.318")
    install(programs, "codex-acp", "@agentclientprotocol/codex-acp 2.6.0")
    install(programs, "gemini", "0.61.0")
    monkeypatch.setenv("CODEX_API_KEY", "k")

    ran = spl("agent", "setup", "--ask")

    assert ran.code == 0, ran.err
    assert "not on PATH: npm install -g @agentclientprotocol/claude-agent-acp" in ran.out
    assert set(tables(home)) == {"codex", "gemini"}
    assert [one.options for one in tables(home).values()] == [{"permissions": "ask"}] * 2
    assert tables(home)["codex"].model == "gpt-5.5"
    told = findings(spl)
    assert told["agent codex"]["told"] == "2.6.0; login found: CODEX_API_KEY is set"
    assert (told["agent gemini"]["state"], told["agent gemini"]["told"]) == ("warn", "0.61.0; login missing")
    assert told["agent gemini"]["hint"].startswith("run gemini once and log in, or set GEMINI_API_KEY")
    (programs / "codex-acp").unlink()
    told = findings(spl)
    assert "agent codex" not in told
    assert told["adapter codex"]["told"].startswith("its program 'codex-acp' is not found")
    assert told["adapter codex"]["hint"] == "install it: npm install -g @agentclientprotocol/codex-acp"


def test_nothing_on_path_that_could_ask(spl: Spl, programs: Path) -> None:
    install(programs, "claude", "2.1.318")

    ran = spl("agent", "setup", "--ask")

    assert ran.code == 1
    assert "no agent on PATH: looked for claude-agent-acp, codex-acp, gemini, opencode" in ran.err
    assert "npm install -g opencode-ai" in ran.err


def test_a_model_of_geminis_own_settings_is_followed(spl: Spl, home: Path, programs: Path) -> None:
    install(programs, "gemini", "0.61.0")
    write(home / ".gemini" / "settings.json", model={"name": "a-model-of-nobody"})

    ran = spl("agent", "setup")

    assert tables(home)["gemini"].model == "a-model-of-nobody"
    assert "the price of 'a-model-of-nobody' is not known, so gemini takes no budget" in ran.err


@pytest.mark.parametrize(
    ("settings", "files", "variables", "state", "told"),
    [
        ({}, [], {}, "missing", "run gemini once"),
        ({}, [], {"GEMINI_API_KEY": "k"}, "found", "GEMINI_API_KEY is set"),
        ({}, [".gemini/.env"], {}, "unknown", "keychain"),
        ({"security": []}, [], {}, "missing", "run gemini once"),
        ("oauth-personal", [], {"GEMINI_API_KEY": "k"}, "unknown", "keychain"),
        ("oauth-personal", [".gemini/oauth_creds.json"], {}, "found", "oauth_creds.json is there"),
        ("gemini-api-key", [], {}, "unknown", "keychain"),
        ("gemini-api-key", [], {"GEMINI_API_KEY": "k"}, "found", "GEMINI_API_KEY is set"),
        ("vertex-ai", [], {"GEMINI_API_KEY": "k"}, "unknown", "vertex-ai"),
    ],
)
def test_how_gemini_is_logged_in(
    tmp_path: Path, settings: Any, files: list[str], variables: dict[str, str], state: str, told: str
) -> None:
    chosen = {"security": {"auth": {"selectedType": settings}}} if isinstance(settings, str) else settings
    write(tmp_path / ".gemini" / "settings.json", **chosen)
    for name in files:
        (tmp_path / name).write_text("x")

    login = login_of("gemini", {"HOME": str(tmp_path), **variables})

    assert (login.state, told in login.told) == (state, True), login


@pytest.mark.parametrize(
    ("files", "variables", "state", "told"),
    [
        ({}, {}, "missing", "run opencode auth login"),
        ({".local/share/opencode/auth.json": {}}, {}, "missing", "run opencode auth login"),
        ({".local/share/opencode/auth.json": {"anthropic": {}}}, {}, "found", "auth.json is there"),
        ({"data/opencode/auth.json": {"openai": {}}}, {"XDG_DATA_HOME": "data"}, "found", "data/opencode"),
        ({}, {"OPENROUTER_API_KEY": "k"}, "found", "OPENROUTER_API_KEY is set"),
        ({".config/opencode/opencode.json": {"provider": {}}}, {}, "unknown", "its config may name"),
        ({}, {"OPENCODE_CONFIG": "/x"}, "unknown", "its config may name"),
    ],
)
def test_how_opencode_is_logged_in(
    tmp_path: Path, files: dict[str, Any], variables: dict[str, str], state: str, told: str
) -> None:
    for name, content in files.items():
        write(tmp_path / name, **content)
    known = {
        key: str(tmp_path / value) if key.startswith("XDG") else value for key, value in variables.items()
    }

    login = login_of("opencode", {"HOME": str(tmp_path), **known})

    assert (login.state, told in login.told) == (state, True), login
