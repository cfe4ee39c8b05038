"""`spl agent setup` and the checks of `spl doctor` on agents, with programs of our own on PATH."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.cli.support.parsing import build_parser
from syncropel.cli.task_verbs.subtask import parse_subtasks
from syncropel.launcher.gates import find_gate
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.workspace import Repo

from .conftest import Ran

Spl = Callable[..., Ran]
AGENT = '#!/bin/sh\n[ "$*" = --version ] && echo "{version} (an agent)" || exit 3\n'
OF_AGENTS = (
    "ANTHROPIC_",
    "CLAUDE_",
    "CODEX_",
    "GEMINI_",
    "GOOGLE_",
    "OPENAI_",
    "OPENCODE_",
    "OPENROUTER_",
    "XDG_",
)
NOTED = '# ours\n[adapters.claude]  # by hand\nmode = "plan"\n\n# the end\n'


@pytest.fixture(autouse=True)
def programs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that has git and nothing else, and no variable of an agent."""
    folder = home / "bin"
    folder.mkdir()
    for name in ("git", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    for name in list(os.environ):
        if name.startswith(OF_AGENTS) or "proxy" in name.lower():
            monkeypatch.delenv(name)
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def install(folder: Path, name: str, version: str = "2.1.0") -> None:
    program = folder / name
    program.write_text(AGENT.format(version=version))
    program.chmod(0o755)


@pytest.fixture
def repo(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and a folder in it as the current one."""
    path = home / "code" / "my app"
    (path / "src").mkdir(parents=True)
    git = ["git", "-C", str(path), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "begin"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.chdir(path / "src")
    return path


def config(home: Path) -> Path:
    return home / ".syncro" / "config.toml"


def log_claude_in(home: Path) -> None:
    (home / ".claude").mkdir()
    (home / ".claude" / ".credentials.json").write_text("{}")


def test_both_agents_and_the_repository_are_written_once(
    spl: Spl, home: Path, repo: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "claude")
    install(programs, "codex", "0.171.0")
    log_claude_in(home)
    monkeypatch.setenv("CODEX_API_KEY", "sk-very-secret")
    ran = spl("agent", "setup")
    assert ran.code == 0, ran.err
    settings = load_settings(Home(home / ".syncro"), {})
    claude, codex = settings.adapters.tables["claude"], settings.adapters.tables["codex"]
    assert (claude.options["mode"], claude.default_budget_usd, claude.env) == ("acceptEdits", 2.0, ())
    assert (codex.options["mode"], codex.default_budget_usd) == ("workspace-write", 2.0)
    assert (codex.model, codex.env) == ("gpt-5.5", ("CODEX_API_KEY",))
    assert settings.workspace.repos["my-app"].path == repo
    text = config(home).read_text()
    assert "sk-very-secret" not in text + ran.out
    assert "2.1.0" in ran.out
    assert "0.171.0" in ran.out
    assert "login found, not tried" in ran.out
    assert "  spl fleet start --workers 2 --adapter claude\n" in ran.out
    assert ran.out.count(",repo=my-app'") == 2
    fan_out = shlex.split(ran.out.partition("&& spl ")[2].replace("\\\n", " "))
    typed = build_parser().parse_args(fan_out)
    specs = parse_subtasks(typed.subtask)
    assert [(one["target"], one["repo"]) for one in specs] == [("worker-a", "my-app"), ("worker-b", "my-app")]
    again = spl("agent", "setup")
    assert (again.code, config(home).read_text()) == (0, text)
    assert "kept [adapters.claude]" in again.out
    assert "added" not in again.out


def test_what_an_operator_wrote_stays_unless_told_otherwise(
    spl: Spl, home: Path, repo: Path, programs: Path
) -> None:
    install(programs, "claude")
    config(home).parent.mkdir()
    config(home).write_text(NOTED)
    told = spl("agent", "setup", "-o", "json").json
    assert (told["added"], told["kept"]) == (["workspace.repos.my-app"], ["adapters.claude"])
    text = config(home).read_text()
    assert text.startswith('# ours\n[adapters.claude]  # by hand\nmode = "plan"\n')
    assert "# the end" in text
    assert spl("agent", "setup", "--overwrite").code == 0
    assert tomllib.loads(config(home).read_text())["adapters"]["claude"]["mode"] == "acceptEdits"
    assert config(home).read_text().startswith("# ours\n")


def test_a_dry_run_writes_nothing(spl: Spl, home: Path, repo: Path, programs: Path) -> None:
    install(programs, "claude")
    ran = spl("agent", "setup", "--dry-run")
    assert ran.code == 0
    assert "would add [adapters.claude]" in ran.out
    assert not (home / ".syncro").exists()
    assert spl("agent", "setup", "--dry-run", "-o", "json").json["written"] is False


def test_the_adapter_to_begin_with_has_a_login(
    spl: Spl, repo: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "claude")
    install(programs, "codex")
    monkeypatch.setenv("CODEX_API_KEY", "sk")
    told = spl("agent", "setup", "-o", "json").json
    assert [one["login"] for one in told["agents"]] == ["missing", "found"]
    assert told["next"][0] == "spl fleet start --workers 2 --adapter codex"


def test_a_provider_of_codexs_own_config_is_followed(
    spl: Spl, home: Path, repo: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "codex")
    (home / ".codex").mkdir()
    provider = 'model_provider = "ours"\nmodel = "a-model-of-nobody"\n[model_providers.ours]\n'
    (home / ".codex" / "config.toml").write_text(provider)
    assert spl("agent", "setup", "--dry-run", "-o", "json").json["agents"][0]["login"] == "unknown"
    (home / ".codex" / "config.toml").write_text(provider + 'env_key = "OUR_KEY"\n')
    assert spl("agent", "setup", "--dry-run", "-o", "json").json["agents"][0]["login"] == "missing"
    monkeypatch.setenv("OUR_KEY", "k")
    ran = spl("agent", "setup")
    table = load_settings(Home(home / ".syncro"), {}).adapters.tables["codex"]
    assert (table.model, table.env) == ("a-model-of-nobody", ("OUR_KEY",))
    assert "warning: the price of 'a-model-of-nobody' is not known" in ran.err


def test_a_worktree_stands_for_its_repository(
    spl: Spl, home: Path, repo: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "claude")
    subprocess.run(["git", "-C", str(repo), "worktree", "add", "-q", str(home / "linked")], check=True)
    monkeypatch.chdir(home / "linked")
    assert spl("agent", "setup", "-o", "json").json["repository"] == {
        "name": "my-app",
        "path": str(repo),
        "gate": None,
    }


def test_a_name_that_is_taken_is_not_given_away(spl: Spl, home: Path, repo: Path, programs: Path) -> None:
    install(programs, "claude")
    config(home).parent.mkdir()
    config(home).write_text('[workspace.repos]\nmy-app = "/srv/other"\n')
    ran = spl("agent", "setup")
    assert ran.code == 1
    assert "[workspace.repos] my-app is /srv/other" in ran.err
    assert spl("agent", "setup", "--name", "mine").code == 0
    assert load_settings(Home(home / ".syncro"), {}).workspace.repos["mine"].path == repo
    told = spl("agent", "setup", "-o", "json").json
    assert told["repository"]["name"] == "mine", "it has a name already"


def test_clear_errors(
    spl: Spl, home: Path, repo: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = spl("agent", "setup")
    assert ran.code == 1
    assert ran.err.startswith("error: no agent on PATH")
    assert "npm install" in ran.err
    install(programs, "claude")
    config(home).parent.mkdir()
    config(home).write_text("[adapters\n")
    assert "is not TOML" in spl("agent", "setup").err
    config(home).write_text('[fleet]\ncoordinator_url = "http://127.0.0.1:9"\n')
    assert "the home of a worker" in spl("agent", "setup").err
    monkeypatch.chdir(home)
    config(home).unlink()
    ran = spl("agent", "setup")
    assert ran.code == 1
    assert "is not in a git repository" in ran.err
    assert "hint:" in ran.err
    subprocess.run(["git", "init", "-q", str(home / "empty")], check=True)
    monkeypatch.chdir(home / "empty")
    assert "has no commit" in spl("agent", "setup").err
    assert spl("agent", "setup", "--nonsense").code == 2


def test_a_config_that_cannot_be_written(spl: Spl, home: Path, repo: Path, programs: Path) -> None:
    install(programs, "claude")
    (home / ".syncro" / ".config.toml.new").mkdir(parents=True)  # in the way, also for root
    ran = spl("agent", "setup")
    assert ran.code == 1
    assert f"error: cannot write {config(home)}" in ran.err
    assert not config(home).exists()


def findings(spl: Spl) -> dict[str, tuple[str, str]]:
    return {one["about"]: (one["state"], one["told"]) for one in spl("doctor", "-o", "json").json["findings"]}


def test_doctor_repeats_the_checks(spl: Spl, home: Path, repo: Path, programs: Path) -> None:
    install(programs, "claude")
    assert spl("agent", "setup").code == 0
    assert findings(spl)["agent claude"] == ("warn", "2.1.0; login missing")
    assert findings(spl)["repository my-app"] == ("ok", f"{repo}, from HEAD; no gate")
    log_claude_in(home)
    state, told = findings(spl)["agent claude"]
    assert state == "ok"
    assert told.startswith("2.1.0; login found")
    (programs / "claude").write_text("#!/bin/sh\nexit 1\n")
    state, told = findings(spl)["agent claude"]
    assert state == "warn"
    assert told.startswith("version unknown")
    (programs / "claude").unlink()
    assert "agent claude" not in findings(spl)
    assert "is not found" in findings(spl)["adapter claude"][1]
    text = config(home).read_text()
    config(home).write_text(text.replace(f'"{repo}"', f'{{ path = "{repo}", base = "nowhere" }}'))
    assert findings(spl)["repository my-app"][0] == "fail"
    config(home).write_text(text.replace(str(repo), str(home / "gone")))
    assert findings(spl)["repository my-app"] == ("fail", f"{home / 'gone'} is not there")
    (programs / "git").unlink()
    assert findings(spl)["git"][0] == "fail"


def test_a_key_that_a_kept_entry_does_not_pass_is_told_of(
    spl: Spl, home: Path, repo: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "claude")
    assert spl("agent", "setup").code == 0
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert "warning: [adapters.claude] does not pass ANTHROPIC_API_KEY" in spl("agent", "setup").err
    assert spl("agent", "setup", "--overwrite").err == ""
    assert spl("agent", "setup").err == ""


def test_an_adapter_behind_the_gateway_needs_neither_login_nor_key_in_its_environment(
    spl: Spl, home: Path, repo: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs, "claude")
    assert spl("agent", "setup").code == 0
    whole = config(home).read_text()
    config(home).write_text(whole.replace("[adapters.claude]\n", "[adapters.claude]\ngateway = true\n"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert spl("agent", "setup").err == ""
    assert findings(spl)["agent claude"] == ("ok", "2.1.0; asks its model through the gateway")
    state, told = findings(spl)["adapter claude"]
    assert state == "warn"
    assert told.startswith("the gateway has no key: there is no secret 'ANTHROPIC_API_KEY'")
    secret = home / ".syncro" / "secrets" / "ANTHROPIC_API_KEY"
    secret.parent.mkdir(mode=0o700, exist_ok=True)
    secret.touch(mode=0o600)
    secret.write_text("a key")
    assert "adapter claude" not in findings(spl)


def test_workers_that_are_there_are_told_of(spl: Spl, home: Path, repo: Path, programs: Path) -> None:
    install(programs, "claude")
    assert spl("agent", "setup").code == 0
    worker = home / ".syncro-worker-a" / "config.toml"
    worker.parent.mkdir()
    worker.write_text(config(home).read_text())
    assert "worker-a" not in spl("agent", "setup").out.partition("Next:")[0], "it is set as it should be"
    worker.write_text('[adapters.claude]\nmode = "plan"\n')
    out = spl("agent", "setup").out
    assert "worker-a has its own [adapters.claude], which stays" in out
    assert "fleet stop" not in out, "it does not run"


def entry(home: Home) -> Repo:
    return load_settings(home, {}).workspace.repos["my-app"]


def test_the_gate_is_found_in_what_the_repository_says_of_its_tests(
    spl: Spl, home: Path, repo: Path, programs: Path
) -> None:
    install(programs, "claude")
    install(programs, "make")
    (repo / "Makefile").write_text("build:\n\ttrue\ntest: build\n\ttrue\n")
    ran = spl("agent", "setup")
    assert ran.code == 0, ran.err
    assert entry(Home(home / ".syncro")).gate == ("make", "test")
    assert "Gate: make test (Makefile has the target test)\n" in ran.out
    assert "outside of the agent's sandbox" in ran.out
    text = config(home).read_text()
    assert "kept [workspace.repos.my-app]" in spl("agent", "setup").out
    assert config(home).read_text() == text


def test_a_gate_that_is_typed_goes_before_one_that_is_found_and_into_an_entry_that_is_there(
    spl: Spl, home: Path, repo: Path, programs: Path
) -> None:
    install(programs, "claude")
    install(programs, "make")
    (repo / "Makefile").write_text("test:\n\ttrue\n")
    config(home).parent.mkdir()
    config(home).write_text(f'[workspace.repos]\nmy-app = "{repo}"  # ours\nother = "/srv/other"\n')
    assert spl("agent", "setup").code == 0
    assert entry(Home(home / ".syncro")).gate == (), "what an operator wrote stays"
    assert spl("agent", "setup", "--gate", "./check 'a b'").code == 0
    assert entry(Home(home / ".syncro")).gate == ("./check", "a b")
    assert "other" in load_settings(Home(home / ".syncro"), {}).workspace.repos
    with config(home).open("a") as file:
        file.write("# the end\n")
    assert spl("agent", "setup", "--no-gate").code == 0
    assert (entry(Home(home / ".syncro")).gate, entry(Home(home / ".syncro")).path) == ((), repo)
    assert spl("agent", "setup", "--overwrite").code == 0
    assert entry(Home(home / ".syncro")).gate == ("make", "test")
    assert spl("agent", "setup", "--gate", "'").code == 2
    assert "is not a command" in spl("agent", "setup", "--gate", "'").err


def test_a_gate_that_can_accept_nothing_is_warned_of(
    spl: Spl, home: Path, repo: Path, programs: Path
) -> None:
    install(programs, "claude")
    ran = spl("agent", "setup", "--gate", "no-such-program")
    assert "warning: the gate accepts nothing: its program 'no-such-program' is not found" in ran.err
    found = [
        one for one in spl("doctor", "-o", "json").json["findings"] if one["about"] == "repository my-app"
    ]
    assert [(one["state"], one["told"]) for one in found] == [
        ("warn", "the gate accepts nothing: its program 'no-such-program' is not found")
    ]
    config = Home(home / ".syncro").config
    config.write_text(config.read_text().replace("gate = ", "setup = "))
    (found,) = [
        one for one in spl("doctor", "-o", "json").json["findings"] if one["about"] == "repository my-app"
    ]
    assert found["told"] == "the setup cannot run: its program 'no-such-program' is not found"


@pytest.mark.parametrize(
    ("files", "programs_", "words"),
    [
        ({"Makefile": "test := x\ncheck:\n\ttrue\n"}, ["make"], ["make", "check"]),
        ({"Makefile": "test:\n\ttrue\n"}, [], None),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, ["npm"], ["npm", "test"]),
        (
            {
                "package.json": '{"scripts": {"test": "jest"}, "devDependencies": {"jest": "1"}}',
                "yarn.lock": "",
            },
            ["sh", "yarn"],
            ["sh", "-c", "yarn install --frozen-lockfile && yarn test"],
        ),
        ({"package.json": '{"scripts": {"test": "echo no test specified && exit 1"}}'}, ["npm"], None),
        ({"package.json": '{"scripts": ["test"]}'}, ["npm"], None),
        ({"package.json": "[" * 100_000}, ["npm"], None),
        ({"Cargo.toml": ""}, ["cargo"], ["cargo", "test"]),
        ({"go.mod": ""}, ["go"], ["go", "test", "./..."]),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, ["python3"], ["python3", "-m", "pytest"]),
        ({"pyproject.toml": "not toml"}, ["python3"], None),
    ],
)
def test_gates_that_are_found(
    tmp_path: Path, files: dict[str, str], programs_: list[str], words: list[str] | None
) -> None:
    place, folder = tmp_path / "path", tmp_path / "repository"
    place.mkdir()
    folder.mkdir()
    for name in programs_:
        (place / name).write_text("#!/bin/sh\nexit 0\n")
        (place / name).chmod(0o755)
    for name, text in files.items():
        (folder / name).write_text(text)
    found = find_gate(folder, {"PATH": str(place)})
    assert (list(found.words) if found else None) == words
