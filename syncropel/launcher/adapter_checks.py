"""The checks of `spl doctor` on adapters, agents, and repositories: whether they are usable."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from syncropel.adapters.agents.options import ASK
from syncropel.adapters.contract import Place
from syncropel.adapters.enclosure import contained, sandboxed
from syncropel.adapters.environment import passed
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.registry import GROUP, Enabled, enable, installed
from syncropel.adapters.sandbox import NoSandbox, Sandbox, SandboxUnknown
from syncropel.cel.expression import compile_expression
from syncropel.cel.names import Vocabulary
from syncropel.errors import SetupError, SyncropelError
from syncropel.launcher.agent_clis import AGENTS, PACKAGES, find_cli, program_of
from syncropel.launcher.finding import Finding, Patient
from syncropel.launcher.gates import problem_of
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.config import Settings, load_settings
from syncropel.settings.permissions import NAMES
from syncropel.settings.workspace import Repo
from syncropel.system.clean_git import GitFailed, Repository


def adapters(patient: Patient) -> Iterator[Finding]:
    home, types = patient.home, installed()
    try:
        settings = load_settings(home, os.environ)
    except SetupError:
        return  # the check of the config reports this
    for name, why in types.broken.items():
        yield Finding("plug-ins", "warn", f"{name}: {why}", f"repair or remove what installs it in {GROUP}")
    gateway = Gateway(home.secrets, Runtime())
    place = Place(home.work, home.run, Runtime(), secrets=home.secrets, gateway=gateway)
    try:
        made = enable(
            settings.adapters.enabled(),
            types,
            place,
            lambda table, place: contained(settings.adapters, table, place, home.path),
        )
    except SetupError as error:
        yield Finding("adapters", "fail", error.message, error.hint)
        return
    tables = settings.adapters.tables
    problems = [finding for name, one in made.items() for finding in _problems(name, one, tables.get(name))]
    yield from problems
    if (default := settings.dispatch.adapter) not in made:
        hint = f"enable it: [adapters.{default}] in {home.config}; or change [dispatch] adapter"
        yield Finding("adapters", "warn", f"the default adapter {default!r} is not enabled", hint)
    elif not problems:
        yield Finding("adapters", "ok", ", ".join(sorted(made)))


def _problems(name: str, one: Enabled, table: AdapterTable | None) -> Iterator[Finding]:
    if not one.problem:
        return
    hint = f"see [adapters.{name}] in config.toml; spl adapter list"
    if table is not None and table.kind in AGENTS and not table.command:
        program = _program(table)
        if shutil.which(program, path=_variables(table).get("PATH")) is None:
            hint = f"install it: npm install -g {PACKAGES[program]}"
    yield Finding(f"adapter {name}", "warn", one.problem, hint)


def _program(table: AdapterTable) -> str:
    if table.command:
        return table.command[0]
    return program_of(table.kind, asks=table.options.get("permissions") == ASK)


def isolation(patient: Patient) -> Iterator[Finding]:
    """Whether a sandbox that the config asks for can be made: one is."""
    names = ", ".join(sandboxed(_settings(patient).adapters))
    if not names:
        return
    try:
        Sandbox(patient.home.path.resolve()).check()
    except SandboxUnknown as error:
        told, _, hint = error.message.partition("; ")
        yield Finding("isolation", "warn", told, hint)
    except NoSandbox as error:
        told, _, hint = error.message.partition("; ")
        yield Finding("isolation", "fail", f"goals of {names} would fail: {told}", hint)
    else:
        yield Finding("isolation", "ok", f"a program ran in a sandbox, as goals of {names} will")


def agents(patient: Patient) -> Iterator[Finding]:
    """Coding agents: their versions, and whether they are logged in."""
    for table in _settings(patient).adapters.tables.values():
        if table.kind in AGENTS:
            yield from _agent(table)


def _agent(table: AdapterTable) -> Iterator[Finding]:
    about = f"agent {table.name}"
    cli = find_cli(table.kind, _variables(table), _program(table))
    if cli is None:
        return  # reported by the check of its adapter
    if table.options.get("gateway") is True and cli.version:
        yield Finding(about, "ok", f"{cli.version}; asks its model through the gateway")
        return
    login = f"login {cli.login.state}: {cli.login.told}"
    if len(table.command) > 1 or not cli.version:
        yield Finding(about, "warn", f"version unknown; {login}", f"try it: {cli.path} --version")
    elif cli.login.state == "missing":
        hint = f"or name the variable that holds its key in env or secrets of [adapters.{table.name}]"
        yield Finding(about, "warn", f"{cli.version}; login missing", f"{cli.login.told}; {hint}")
    else:
        yield Finding(about, "ok", f"{cli.version}; {login}")


def _variables(table: AdapterTable) -> dict[str, str]:
    """What a daemon started from here would pass to the agent; secrets only by name."""
    return {**passed(table.env), **table.set, **dict.fromkeys(table.secrets, "a secret")}


def rules(patient: Patient) -> Iterator[Finding]:
    """What agents may do without asking: an expression that is none stops the start."""
    for rule in (found := _settings(patient).permissions.rules):
        try:
            compile_expression(rule.when, Vocabulary(values=NAMES))
        except SyncropelError as error:
            yield Finding("permissions", "fail", f"rule {rule.name}: {error.message}", error.hint)
            return
    if found:
        yield Finding("permissions", "ok", f"rules about what agents may do: {len(found)}")


def repositories(patient: Patient) -> Iterator[Finding]:
    """The repositories that goals may work on, and git."""
    settings = _settings(patient)
    repos = settings.workspace.repos
    if repos and shutil.which("git") is None:
        yield Finding("git", "fail", "not on PATH", "install it: goals need it to work on a repository")
        return
    for one in repos.values():
        yield _repository(one, settings.workspace.root)


def _repository(repo: Repo, root: str) -> Finding:
    about, section = f"repository {repo.name}", f"[workspace.repos] {repo.name} in config.toml"
    if not os.access(repo.path, os.R_OK | os.X_OK):
        there = "cannot be read" if repo.path.exists() else "is not there"
        return Finding(about, "fail", f"{repo.path} {there}", f"correct {section}")
    try:
        found = Repository.find(repo.path)
    except GitFailed as error:
        return Finding(about, "fail", str(error), f"correct {section}")
    try:
        found.commit(repo.base)
    except GitFailed:
        told = f"{repo.path} has no commit {repo.base!r} to begin at"
        return Finding(about, "fail", told, f"set base of {section}, or make a commit")
    place = Path(root).expanduser() if root else found.top.parent
    if place.exists() and not os.access(place, os.W_OK | os.X_OK):
        return Finding(about, "fail", f"worktrees cannot be made in {place}", "set [workspace] root")
    if repo.gate and (why := problem_of(repo.gate, repo.path, passed())):
        return Finding(about, "warn", f"the gate accepts nothing: {why}", f"set gate of {section}")
    for key, words in (("setup", repo.setup), ("teardown", repo.teardown)):
        if words and (why := problem_of(words, repo.path, passed())):
            return Finding(about, "warn", f"the {key} cannot run: {why}", f"set {key} of {section}")
    gate = f"gate: {shlex.join(repo.gate)}" if repo.gate else "no gate"
    return Finding(about, "ok", f"{repo.path}, from {repo.base}; {gate}")


def _settings(patient: Patient) -> Settings:
    """The settings; all defaults when they cannot be read, which the check of the config reports."""
    try:
        return load_settings(patient.home, os.environ)
    except SetupError:
        return Settings()
