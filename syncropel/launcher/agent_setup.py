"""`spl agent setup`: adds what a coordinator's config needs so that coding agents can work on a repository.

It only adds: existing entries stay, unless the caller says `overwrite`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from syncropel import toml_text
from syncropel.adapters.agents.options import ASK, AUTO
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.sandbox import Sandbox
from syncropel.errors import SetupError
from syncropel.launcher.agent_clis import (
    AGENTS,
    PACKAGES,
    AgentCli,
    find_cli,
    login_variables,
    program_of,
    variables_for,
)
from syncropel.launcher.gates import Gate, find_gate, problem_of
from syncropel.launcher.local import is_running, local_workers
from syncropel.launcher.logins import codex_config, gemini_settings, within
from syncropel.settings.adapters import NONE, SANDBOX
from syncropel.settings.config import (
    REPOS,
    Settings,
    dump_settings,
    load_settings,
    raw_entries,
    with_isolation,
)
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.settings.workspace import NAME
from syncropel.system.clean_git import GitFailed, Repository

BUDGET_USD: Final = 2.0
"""What an attempt may spend if its subtask names no budget."""
IDLE_SECS: Final = 600
MODELS: Final = {"codex": "gpt-5.5", "gemini": "gemini-2.5-pro"}
"""For agents that do not say what they spend, and whose config names no model: without a name, their spending
cannot be priced."""
_KEPT_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "claude": {"mode": "acceptEdits"},
    "codex": {"mode": "workspace-write"},
    "gemini": {"permissions": AUTO},
    "opencode": {"permissions": ASK},
}
"""Edits inside the worktree are allowed; anything else that an agent would have to ask for is denied, or
asked for if it can ask. opencode asks for edits, too: its `auto` also allows every command.
"""
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+|^[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Setup:
    """What was found, and what is added to `config.toml`. Keys are paths such as `("adapters", "claude")`."""

    clis: Sequence[AgentCli]
    repo: str
    """The repository's name in `[workspace.repos]`."""
    path: Path
    added: Mapping[tuple[str, ...], Any]
    kept: Sequence[tuple[str, ...]]
    """Entries that already existed."""
    warnings: Sequence[str]
    gate: Gate | None = None
    """The gate command of the repository's entry."""
    isolation: str = NONE
    """What contains the agents."""
    no_sandbox: str = ""
    """Why no sandbox can be made here, found by a trial; empty when one can."""

    @property
    def adapter(self) -> str:
        """The adapter to start with: one that is logged in, if any is."""
        order = ("found", "unknown", "missing")
        return min(self.clis, key=lambda one: order.index(one.login.state)).name


def examine(
    home: Home,
    folder: Path,
    environ: Mapping[str, str],
    *,
    name: str = "",
    gate: Sequence[str] | None = None,
    ask: bool = False,
    overwrite: bool = False,
) -> Setup:
    """Examine the repository around `folder` and the agents on PATH, without changing anything. `gate`: the
    gate command, empty for none; None: find one in the repository. `ask`: the agents ask their operator.

    Raises SetupError without a repository, without an agent, for a name that is taken, and for a config that
    cannot be read or belongs to a worker.
    """
    settings = load_settings(home, {})
    if settings.role == "worker":
        raise SetupError(
            f"{home.display()} is the home of a worker ({settings.fleet.alias})",
            "point SYNCROPEL_HOME at the coordinator's home; spl fleet start sets its workers up",
        )
    if settings.adapters.run_as:
        raise SetupError(
            "goals that run as another user cannot have a worktree: [adapters] run_as is set",
            "remove run_as; or point SYNCROPEL_HOME at a home without it",
        )
    path = _repository(folder, settings.workspace.root)
    programs = {agent: program_of(agent, asks=ask) for agent in AGENTS}
    found = [cli for agent, one in programs.items() if (cli := find_cli(agent, environ, one)) is not None]
    if not found:
        install = "; or: ".join(f"npm install -g {PACKAGES[one]}" for one in programs.values())
        looked = ", ".join(programs.values())
        raise SetupError(f"no agent on PATH: looked for {looked}", f"install one: {install}")
    repo = _name_of(path, name, settings, overwrite=overwrite)
    wanted: dict[tuple[str, ...], Any] = {
        ("adapters", cli.name): _table(cli.name, environ, ask=ask) for cli in found
    }
    there: set[tuple[str, ...]] = {("adapters", one) for one in settings.adapters.tables if not overwrite}
    known = settings.workspace.repos.get(repo)
    own = known if known is not None and known.path.resolve() == path.resolve() else None
    if gate is not None:
        chosen = Gate(gate, "as asked for") if gate else None
    elif own is not None and not overwrite:
        chosen = Gate(own.gate, "as before") if own.gate else None
    else:
        chosen = find_gate(path, environ)
    raw = raw_entries(home)[*REPOS, repo] if own is not None else str(path)
    wanted[*REPOS, repo] = _entry(raw, chosen)
    if own is not None and wanted[*REPOS, repo] == raw:
        there.add((*REPOS, repo))
    kept = [keys for keys in wanted if keys in there]
    added = {keys: value for keys, value in wanted.items() if keys not in kept}
    warnings = [*_unpriced(added), *_unpassed(kept, settings, environ)]
    if chosen and (why := problem_of(chosen.words, path, environ)):
        warnings.append(f"the gate accepts nothing: {why}")
    isolation = settings.adapters.isolation or NONE
    no_sandbox = Sandbox(home.path.resolve()).problem()
    if no_sandbox and isolation == SANDBOX:
        warnings.append(f"the agents will not start: {no_sandbox}")
    return Setup(found, repo, path, added, kept, warnings, chosen, isolation, no_sandbox)


def apply(home: Home, setup: Setup) -> None:
    """Write the additions to `config.toml`, creating it if needed. Raises SetupError."""
    if not setup.added:
        return
    make_home(home)
    try:
        text = toml_text.read(home.config) or dump_settings(Settings())
        toml_text.write(home.config, toml_text.edited(text, setup.added))
    except OSError as error:
        raise SetupError(
            f"cannot write {home.config}: {error.strerror}", "check the file's and the folder's permissions"
        ) from None
    except ValueError as error:
        raise SetupError(f"cannot change {home.config}: {error}", "edit it by hand") from None


@dataclass(frozen=True)
class Behind:
    """A worker of this machine whose config lacks what its coordinator's has. `lacks`: entries that `spl
    fleet start` can add. `own`: entries of its own that differ, and stay.
    """

    alias: str
    running: bool
    lacks: Sequence[tuple[str, ...]]
    own: Sequence[tuple[str, ...]]


def workers_behind(home: Home, setup: Setup) -> list[Behind]:
    """The workers that this setup does not affect by itself. Raises SetupError for an invalid config."""
    wanted = with_isolation({**raw_entries(home), **setup.added}, load_settings(home, {}).adapters)
    wanted = {keys: wanted[keys] for keys in (*setup.added, *setup.kept)}
    behind = []
    for worker in local_workers(home):
        if not worker.home.config.exists():
            continue
        has = raw_entries(worker.home)
        lacks = [keys for keys in wanted if keys not in has]
        own = [keys for keys, value in wanted.items() if keys in has and has[keys] != value]
        if lacks or own:
            behind.append(Behind(worker.alias, is_running(worker), lacks, own))
    return behind


def free_alias(data: Path) -> str:
    """An alias for the first fan-out that no task file uses."""
    try:
        known = tomllib.loads((data / "aliases.toml").read_text(encoding="utf-8")).get("aliases", {})
    except (OSError, ValueError):
        known = {}
    number = 1
    while f"AGENTS-{number:03d}" in known:
        number += 1
    return f"AGENTS-{number:03d}"


def commands(setup: Setup, alias: str) -> list[str]:
    """What to type next: the fleet's start, then a fan-out of two goals."""
    goals = {
        "worker-a": "Write LAYOUT.md: one line for each folder of this repository. Run no commands.",
        "worker-b": "Write TESTING.md: how the tests of this repository are run. Run no commands.",
    }
    subtasks = [f"--subtask 'goal=\"{goal}\",target={who},repo={setup.repo}'" for who, goal in goals.items()]
    fan_out = " \\\n    ".join([f"spl task fan-out {alias}", *subtasks])
    return [
        f"spl fleet start --workers 2 --adapter {setup.adapter}",
        f'spl task add "Two agents on {setup.repo}" --alias {alias} && {fan_out}',
    ]


def _repository(folder: Path, root: str) -> Path:
    """The main worktree of the repository that contains this folder. `root`: where worktrees are created;
    empty: beside it. Raises SetupError.
    """
    try:
        found = Repository.find(folder)
    except GitFailed as error:
        raise SetupError(
            f"{folder} is not in a git repository: {error}", "change into one; or begin one: git init"
        ) from None
    linked = found.git_dir.resolve() != found.common and found.common.name == ".git"
    top = found.common.parent if linked else found.top
    try:
        found.commit()
    except GitFailed:
        raise SetupError(
            f"{top} has no commit that a worktree could begin at",
            "make one: git commit --allow-empty -m begin",
        ) from None
    if not root and not os.access(top.parent, os.W_OK):
        raise SetupError(
            f"worktrees lie beside the repository, and {top.parent} cannot be written",
            "move the repository; or set [workspace] root in config.toml",
        )
    return top


def _name_of(path: Path, name: str, settings: Settings, *, overwrite: bool) -> str:
    repos = settings.workspace.repos
    known = [one.name for one in repos.values() if one.path.resolve() == path.resolve()]
    if known and name in ("", known[0]):
        return known[0]
    chosen = name or _ODD.sub("-", path.name).strip("-.")[:64] or "repo"
    if not NAME.fullmatch(chosen):
        raise SetupError(f"invalid name {chosen!r} for a repository", "use letters, digits, '.', '_' and '-'")
    if chosen in repos and chosen not in known and not overwrite:
        raise SetupError(
            f"[workspace.repos] {chosen} is {repos[chosen].path}",
            "choose another name: --name NAME; or --overwrite",
        )
    return chosen


def _entry(raw: Any, gate: Gate | None) -> Any:
    """The repository's entry with this gate. `raw`: the current entry, or its path alone."""
    table = (
        {key: value for key, value in raw.items() if key != "gate"}
        if isinstance(raw, dict)
        else {"path": raw}
    )
    if gate is not None:
        table["gate"] = list(gate.words)
    return table if isinstance(raw, dict) or len(table) > 1 else raw


def _table(name: str, environ: Mapping[str, str], *, ask: bool) -> dict[str, Any]:
    """`[adapters.NAME]`. It names variables, never their values."""
    table: dict[str, Any] = {"permissions": ASK} if ask else dict(_KEPT_IN[name])
    own = {
        "codex": within(codex_config(environ), "model"),
        "gemini": within(gemini_settings(environ), "model", "name"),
    }
    if name in MODELS:
        table["model"] = own[name] or MODELS[name]
    table |= {"default_budget_usd": BUDGET_USD, "idle_secs": IDLE_SECS}
    if env := variables_for(name, environ):
        table["env"] = env
    return table


def _unpassed(
    kept: Sequence[tuple[str, ...]], settings: Settings, environ: Mapping[str, str]
) -> Iterator[str]:
    """Keys that are set here, and that an existing entry does not pass to its agent."""
    for table in (settings.adapters.tables[keys[1]] for keys in kept if keys[0] == "adapters"):
        if table.options.get("gateway") is True:
            continue  # it keeps them from its agent
        passed = {*table.env, *table.set, *table.secrets}
        for one in login_variables(table.name, environ):
            if one not in passed:
                yield f"[adapters.{table.name}] does not pass {one}: add it to its env, or use --overwrite"


def _unpriced(added: Mapping[tuple[str, ...], Any]) -> list[str]:
    """What makes a budget in US dollars impossible."""
    models = {name: added["adapters", name]["model"] for name in MODELS if ("adapters", name) in added}
    prices = Prices()
    return [
        f"the price of {model!r} is not known, so {name} takes no budget in US dollars: install the price "
        f"list (pip install 'syncropel-console[agents]'), set [adapters.{name}.prices], or give each "
        "subtask a budget in tokens (budget_tokens=)"
        for name, model in models.items()
        if not prices.knows(model)
    ]
