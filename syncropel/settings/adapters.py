"""`[adapters]` and `[adapters.NAME]` in `config.toml`: what may run here, and with which means.

A record only chooses among what these allow: an adapter by name, and one of its models.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from syncropel.errors import SetupError

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_OURS: Final = "SPL_"
_LONGEST_SECRET: Final = 64 * 1024
SWITCHES: Final = ("bash", "noop")
"""Adapters that a plain boolean key turns on, too."""
NONE, USER, SANDBOX = "none", "user", "sandbox"
ISOLATIONS: Final = (NONE, USER, SANDBOX)
SHIPPED: Final = ("echo", *SWITCHES)
"""Adapters that need no table; `echo` is always on."""


@dataclass(frozen=True)
class AdapterTable:
    """`[adapters.NAME]`. Any other key is left to the adapter's type to check (`options`)."""

    name: str
    """The name that subtasks use."""
    type: str = ""
    """The type of adapter; empty: the same as its name."""
    command: tuple[str, ...] = ()
    """The program and its first arguments; it is looked up in `PATH`, and no shell is involved."""
    args: tuple[str, ...] = ()
    """Arguments appended after all others."""
    model: str = ""
    """The model for subtasks that name none."""
    models: tuple[str, ...] = ()
    """Models that a subtask may name, besides `model`."""
    env: tuple[str, ...] = ()
    """Names of the daemon's environment variables to pass on, besides a few that every program needs."""
    set: Mapping[str, str] = field(default_factory=dict)
    """Environment variables to set for the program."""
    secrets: tuple[str, ...] = ()
    """Variables whose values are read from files of these names in the home's `secrets/`, each mode 0600."""
    max_concurrent: int = 0
    """How many of its goals run at once on this instance; 0: as many as `[dispatch] max_concurrent`."""
    idle_secs: float = 0.0
    """Seconds of silence after which a run is ended; 0: never."""
    default_budget_usd: float = 0.0
    """US dollars that an attempt may spend if its subtask names no budget; 0: no limit."""
    cwd: str = ""
    """Folder that programs run in; empty gives each subtask its own under `work/`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keys specific to its type."""
    answer_secs: float = 0.0
    """Seconds that a question waits for an answer; 0: as long as `[permissions] answer_secs` says. Only for
    agents that ask.
    """
    isolation: str = ""
    """What contains its programs, instead of what `[adapters] isolation` says."""
    read_only_paths: tuple[str, ...] = ()
    """Paths that its programs may read in a sandbox, besides the system."""
    read_write_paths: tuple[str, ...] = ()
    """Paths that its programs may also write in a sandbox, besides their worktree."""
    network: bool = True
    """Whether its programs have the host's network in a sandbox. Without it they reach no gateway and no
    tools of `spl mcp`, either.
    """

    @property
    def kind(self) -> str:
        """The type, which defaults to the adapter's name."""
        return self.type or self.name

    @property
    def allowed_models(self) -> tuple[str, ...]:
        """The models a subtask may ask for, the default first; empty: it may not name one."""
        return tuple(dict.fromkeys([*([self.model] if self.model else []), *self.models]))

    @property
    def folder(self) -> Path | None:
        """Where its programs run; None gives each subtask a folder of its own."""
        return Path(self.cwd).expanduser() if self.cwd else None

    def refuse_all_but(self, *keys: str) -> None:
        """Raise SetupError for a key that its type does not support."""
        default = AdapterTable(self.name)
        # Whether an adapter asks is known where it is made.
        own = [key.name for key in fields(self) if key.name not in ("name", "type", "options", "answer_secs")]
        given = [key for key in own if getattr(self, key) != getattr(default, key)]
        for key in (*given, *self.options):
            if key not in keys:
                raise SetupError(
                    f"unknown key {key!r} in [adapters.{self.name}], which is of type {self.kind!r}",
                    f"known: {', '.join(sorted(('type', *keys)))}",
                )

    def wrong(self, key: str, must: str, value: Any, hint: str = "") -> SetupError:
        """The error for an invalid value of one of its keys. A value that may be secret is not repeated."""
        return SetupError(f"[adapters.{self.name}] {key} must be {must}, not {_shown(value)}", hint)


@dataclass(frozen=True)
class AdapterSettings:
    """`[adapters]`"""

    bash: bool = False
    """Run goals as shell scripts on this instance. No record can switch this on."""
    bash_cwd: str = ""
    """Folder that scripts run in; empty gives each its own under `work/`."""
    isolation: str = ""
    """What contains programs: `none`, `user` (they run as the user `run_as`), or `sandbox` (bubblewrap);
    empty: `user` where `run_as` is set, otherwise `none`.
    """
    run_as: str = ""
    """User that goals run as with the isolation `user`, so that they cannot reach the daemon's files."""
    noop: bool = False
    """Accept every goal at once without doing anything; for benchmarks."""
    tables: Mapping[str, AdapterTable] = field(default_factory=dict, metadata={"tables": True})
    """`[adapters.NAME]`, by name."""

    @property
    def wants_port(self) -> bool:
        """Whether an adapter's agents call this daemon: for their model, or by their tools."""
        options = [table.options for table in self.tables.values()]
        return any(one.get("gateway") is True or one.get("mcp") is True for one in options)

    def isolation_of(self, table: AdapterTable) -> str:
        """What contains the programs of an adapter: one of ISOLATIONS."""
        return table.isolation or self.isolation or (USER if self.run_as else NONE)

    def check_isolation(self) -> None:
        """Raise SetupError for values that contradict each other."""
        for where, value in (
            ("[adapters]", self.isolation),
            *((f"[adapters.{name}]", table.isolation) for name, table in self.tables.items()),
        ):
            if value not in ("", *ISOLATIONS):
                raise SetupError(
                    f"{where} isolation: {value!r} is not known", f"known: {', '.join(ISOLATIONS)}"
                )
            if value == USER and not self.run_as:
                raise SetupError(
                    f'{where} isolation = "user" needs the name of that user',
                    'for example [adapters] run_as = "spl-goals"',
                )
        used = {self.isolation_of(table) for table in self.enabled().values()}
        if self.run_as and USER not in used:
            raise SetupError(
                f'[adapters] run_as = {self.run_as!r} has no effect: no adapter has the isolation "user"',
                'remove run_as, or set isolation = "user"',
            )

    def enabled(self) -> dict[str, AdapterTable]:
        """Every adapter of this instance, by name. `echo` is always included."""
        switched = {name: name not in SWITCHES or getattr(self, name) for name in SHIPPED}
        made = {name: AdapterTable(name) for name, on in switched.items() if on} | dict(self.tables)
        if "bash" in made and not made["bash"].cwd:
            made["bash"] = replace(made["bash"], cwd=self.bash_cwd)
        return made


def read_tables(values: Mapping[str, Any], path: Path) -> dict[str, AdapterTable]:
    """The tables among the values of `[adapters]`. Raises SetupError naming the section and the key."""
    found = {}
    for name, table in values.items():
        if isinstance(table, dict):
            try:
                found[name] = _read_table(name, table)
            except SetupError as error:
                raise SetupError(f"{path}: {error.message}", error.hint) from None
    return found


def _read_table(name: str, values: dict[str, Any]) -> AdapterTable:
    if not _NAME.fullmatch(name) or name in {key.name for key in fields(AdapterSettings)} - {*SWITCHES}:
        raise SetupError(
            f"[adapters.{name}]: invalid adapter name {name!r}",
            "use a-z, 0-9, '_' and '-', beginning with a letter",
        )
    default = AdapterTable(name)
    known = {key.name for key in fields(AdapterTable)} - {"name", "options"}
    checked: dict[str, Any] = {}
    for key in known & values.keys():
        wanted, value = getattr(default, key), values[key]
        if isinstance(wanted, tuple):
            checked[key] = _texts(default, key, value)
        elif isinstance(wanted, Mapping):
            checked[key] = _variables(default, key, value)
        elif isinstance(wanted, str):
            if not isinstance(value, str) or not _plain(value):
                raise default.wrong(key, "a text", value)
            if key == "type" and value and not _NAME.fullmatch(value):
                raise default.wrong(key, "a name such as exec", value)
            checked[key] = value
        elif isinstance(wanted, bool):
            if not isinstance(value, bool):
                raise default.wrong(key, "true or false", value)
            checked[key] = value
        else:
            checked[key] = _number(default, key, value, type(wanted))
    for key in ("env", "secrets"):
        for one in checked.get(key, ()):
            _check_variable(default, key, one)
    options = {key: value for key, value in values.items() if key not in known}
    return AdapterTable(name, **checked, options=options)


def _texts(table: AdapterTable, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one and _plain(one) for one in value):
        raise table.wrong(key, "a list of texts", value, f'for example {key} = ["one", "two"]')
    return tuple(value)


def _variables(table: AdapterTable, key: str, value: Any) -> dict[str, str]:
    hint = f'for example {key} = {{ NAME = "value" }}'
    if not isinstance(value, dict):
        raise table.wrong(key, "a table of texts", value, hint)
    for name, text in value.items():
        _check_variable(table, key, name)
        if not isinstance(text, str) or not _plain(text):
            raise SetupError(f"[adapters.{table.name}] {key}: {name} must be a text", hint)
    return dict(value)


def _check_variable(table: AdapterTable, key: str, name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise SetupError(
            f"[adapters.{table.name}] {key}: {name!r} is not a variable name",
            "use letters, digits and '_', not beginning with a digit",
        )
    if name.startswith(_OURS):
        raise SetupError(
            f"[adapters.{table.name}] {key}: {name!r} is reserved", f"programs get {_OURS}* from the daemon"
        )


def _number(table: AdapterTable, key: str, value: Any, wanted: type) -> int | float:
    accepted = (int, float) if wanted is float else (int,)
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise table.wrong(key, "a number" if wanted is float else "a whole number", value)
    if value < 0 or not math.isfinite(value):
        raise table.wrong(key, "0 or more", value)
    return wanted(value)  # type: ignore[no-any-return]


def _plain(text: str) -> bool:
    return "\0" not in text


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, bool | int | float) else f"a {type(value).__name__}"


def known_secrets(tables: Iterable[AdapterTable], folder: Path, more: Collection[str] = ()) -> dict[str, str]:
    """The values of all secrets that these tables or `more` name, by name; unreadable ones are omitted."""
    found = {}
    for name in {name for table in tables for name in table.secrets} | set(more):
        with contextlib.suppress(SetupError):
            found[name] = read_secret(folder, name)
    return found


def read_secret(folder: Path, name: str) -> str:
    """The value of a secret: the text of a file that only its owner may read.

    Raises SetupError when the file is missing, or others may read it; the message never contains the value.
    """
    return read_private(folder / name, f"the secret {name!r}", missing=f"there is no secret {name!r}")


def read_private(path: Path, what: str, missing: str = "") -> str:
    """The text of a file that only its owner may read. `what`: the file, in words of an error; `missing`: the
    whole message where it is not there.

    Raises SetupError when the file is missing, or others may read it; the message never contains the text.
    """
    hint = f"make it: install -m 600 /dev/stdin {path}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        told = missing if missing and isinstance(error, FileNotFoundError) else ""
        raise SetupError(told or f"cannot read {what}: {error.strerror}", hint) from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode):
            raise SetupError(f"{what} is not a plain file", hint)
        if found.st_uid != os.geteuid() or mode & 0o077:
            raise SetupError(f"{what} may be read by others (mode {mode:04o})", f"chmod 600 {path}")
        content = file.read(_LONGEST_SECRET + 1)
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text or not _plain(text) or len(content) > _LONGEST_SECRET:
        raise SetupError(f"{what} is empty, too long, or not text", hint)
    return text
