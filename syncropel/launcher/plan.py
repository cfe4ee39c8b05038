"""The plan of a local fleet: its instances, their homes, and their settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

from syncropel import toml_text
from syncropel.errors import SetupError
from syncropel.launcher.local import fleet_home
from syncropel.settings.adapters import SANDBOX, SHIPPED, SWITCHES
from syncropel.settings.config import (
    FIRST_WORKER_PORT,
    REPOS,
    Settings,
    dump_settings,
    edit_settings,
    load_settings,
    raw_entries,
    raw_permissions,
    with_isolation,
)
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.settings.workspace import WorkspaceSettings
from syncropel.toml_text import Changes

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_MAX_PORT: Final = 65535


@dataclass(frozen=True)
class FleetPlan:
    """What `spl fleet start` was asked for. A port of None keeps the instance's own setting."""

    workers: int
    adapter: str | None = None
    """Adapter of every worker; None keeps each worker's own (echo for a new one)."""
    bash_cwd: str = ""
    """Folder that bash goals run in; empty gives each its own. Only used together with an adapter."""
    port: int | None = None
    worker_port: int | None = None
    """Port of the first worker, counting up from there; 0 takes a free one for each."""
    reissue: frozenset[str] = frozenset()
    """Aliases of revoked workers to readmit, each with a new credential."""


@dataclass(frozen=True)
class WorkerPlan:
    """One worker of the plan. `offered`: adapters, repositories and permissions in the coordinator's config,
    by key path. `workspace`: its worktree settings, for a new worker.
    """

    alias: str
    home: Home
    port: int
    offered: Changes = field(default_factory=dict)
    workspace: WorkspaceSettings = field(default_factory=WorkspaceSettings)


def worker_suffixes() -> Iterator[str]:
    """`a` to `z`, then `aa`, `ab`, and so on."""
    yield from _LETTERS
    for first in _LETTERS:
        for second in _LETTERS:
            yield first + second


def plan_workers(coordinator: Home, plan: FleetPlan) -> list[WorkerPlan]:
    """The workers of the plan: their homes beside the coordinator's, and their ports.

    Raises SetupError for more workers than there are names or ports, and for invalid settings.
    """
    # A table for bash would let a worker run scripts, which only its own config or --adapter bash may do.
    offered = {keys: value for keys, value in raw_entries(coordinator).items() if keys[-1] not in SWITCHES}
    settings = load_settings(coordinator, {})
    offered = {**with_isolation(offered, settings.adapters), **raw_permissions(coordinator)}
    if settings.adapters.isolation == SANDBOX:
        offered["adapters", "isolation"] = SANDBOX
    workspace = replace(settings.workspace, repos={})
    fleet, own = fleet_home(coordinator)
    every = (alias for suffix in worker_suffixes() if (alias := f"worker-{suffix}") != own)
    aliases = list(islice(every, plan.workers))
    if len(aliases) < plan.workers:
        raise SetupError(f"{plan.workers} workers are too many", f"at most {len(aliases)} on one machine")
    workers = []
    for number, alias in enumerate(aliases):
        home = fleet.sibling(alias)
        workers.append(WorkerPlan(alias, home, _port(plan, number, home), offered, workspace))
    return workers


def _port(plan: FleetPlan, number: int, home: Home) -> int:
    if plan.worker_port is None and home.config.exists():
        return load_settings(home, {}).server.port
    if plan.worker_port == 0:
        return 0
    port = (plan.worker_port or FIRST_WORKER_PORT) + number
    if port > _MAX_PORT:
        raise SetupError(f"there is no port {port} for worker {number + 1}", "choose a lower --worker-port")
    return port


def worker_settings(present: Settings, worker: WorkerPlan, plan: FleetPlan, coordinator_url: str) -> Settings:
    """The worker's settings, updated as the plan asks."""
    settings = replace(
        present,
        server=replace(present.server, port=worker.port),
        fleet=replace(present.fleet, alias=worker.alias, coordinator_url=coordinator_url),
    )
    if plan.adapter is None:
        return settings
    tables = settings.adapters.tables
    if plan.adapter not in (*SHIPPED, *tables):
        raise SetupError(
            f"no [adapters.{plan.adapter}] in {worker.home.config}",
            "add it there, or to the coordinator's own config.toml, from where new workers take it",
        )
    # A table stays as the operator wrote it, and on.
    return replace(
        settings,
        dispatch=replace(settings.dispatch, adapter=plan.adapter),
        adapters=replace(
            settings.adapters,
            bash=plan.adapter == "bash" or "bash" in tables,
            noop=plan.adapter == "noop" or "noop" in tables,
            bash_cwd=plan.bash_cwd,
        ),
    )


def prepare_worker(worker: WorkerPlan, plan: FleetPlan, coordinator_url: str) -> tuple[Settings, bool]:
    """Create the worker's home and bring its `config.toml` up to date.

    Returns its settings, and whether a running worker would have to be restarted to apply them. Raises
    SetupError.
    """
    make_home(worker.home)
    known = worker.home.config.exists()
    present = load_settings(worker.home, {})
    before = present = present if known else replace(present, workspace=worker.workspace)
    if added := _taken_over(worker, plan, present, new=not known):
        _add(worker.home.config, added, present)
        present = load_settings(worker.home, {})
    wanted = worker_settings(present, worker, plan, coordinator_url)
    if wanted != present or not known:
        write_settings(worker.home.config, present, wanted)
    return wanted, known and wanted != before


def _taken_over(worker: WorkerPlan, plan: FleetPlan, present: Settings, *, new: bool) -> Changes:
    """What the coordinator offers and the worker lacks. A new worker takes everything; an existing one only
    the adapter that the plan names, and with it the repositories: the rest of its config belongs to its
    operator.
    """
    named = ("adapters", str(plan.adapter))
    has: set[tuple[str, ...]] = {("adapters", name) for name in present.adapters.tables}
    has |= {(*REPOS, name) for name in present.workspace.repos}
    return {
        keys: value
        for keys, value in worker.offered.items()
        if keys not in has
        and not (present.adapters.run_as and keys[:2] == REPOS)  # its goals could not use one
        and (new or keys == named or (named in worker.offered and keys[:2] == REPOS))
    }


def _add(path: Path, added: Changes, present: Settings) -> None:
    """Add these entries to a `config.toml`; a missing file is created with the current settings.

    Raises SetupError.
    """
    try:
        text = toml_text.read(path) or dump_settings(present)
        toml_text.write(path, toml_text.edited(text, added))
    except (OSError, ValueError) as error:
        first = ".".join(next(iter(added)))
        raise SetupError(f"cannot add [{first}] to {path}: {error}", "add it by hand") from None


def write_settings(path: Path, present: Settings, wanted: Settings) -> None:
    """Write a new file, or change only what differs in an existing one."""
    try:
        text = toml_text.read(path)
        text = edit_settings(text, present, wanted) if text.strip() else dump_settings(wanted)
        toml_text.write(path, text)
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}", "check the folder's permissions") from None
    except ValueError as error:
        raise SetupError(f"cannot change {path}: {error}", "edit it by hand, then start again") from None
