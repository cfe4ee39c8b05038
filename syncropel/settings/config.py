"""Settings: `config.toml`, with the environment on top of it."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncropel.errors import SetupError
from syncropel.settings.adapters import SANDBOX, SWITCHES, AdapterSettings, read_tables
from syncropel.settings.permissions import PermissionSettings, read_rules
from syncropel.settings.store import StoreSettings
from syncropel.settings.traces import TraceSettings
from syncropel.settings.webhooks import WebhookSettings, read_webhooks
from syncropel.settings.workspace import WorkspaceSettings, check_author, read_repos
from syncropel.toml_text import Changes, edited

if TYPE_CHECKING:
    from syncropel.settings.home import Home

DEFAULT_PORT: Final = 9100
FIRST_WORKER_PORT: Final = 9201
HOST: Final = "127.0.0.1"
STOP_KEEPING_WORK: Final = signal.SIGUSR1
"""Tells a daemon to end and leave running work to the next daemon of its home."""
LINKED_ISOLATION_SECS: Final = 300.0
"""`isolation_secs` of a linked worker that does not set it."""
REPOS: Final = ("workspace", "repos")
"""The path of the repositories in `config.toml`."""
_HEAD: Final = "# Settings of this Syncropel instance. Changes take effect at the next start.\n\n"
_LISTEN: Final = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\[\]]*)):(?P<port>\d{1,5})", re.ASCII)
_SWITCH_AND_TABLE: Final = re.compile(
    r"^\[adapters\]\n(?:(?!\[).*\n)*?(bash|noop)[ \t]*=(?:.*\n)+?\[adapters\.\1\]", re.MULTILINE
)


@dataclass(frozen=True)
class ServerSettings:
    """`[server]`"""

    port: int = DEFAULT_PORT
    """TCP port on 127.0.0.1; 0 takes any free one."""
    listen: str = ""
    """Where other hosts reach this daemon, with TLS and a token alone: an address and a port, such as
    `0.0.0.0:9443`; empty: nowhere.
    """
    tls_cert: str = ""
    """The certificate for `listen`, PEM, followed by those that signed it up to the CA that hosts pin; empty:
    what `spl fleet tls init` made.
    """
    tls_key: str = ""
    """The private key of `tls_cert`, PEM, which nobody else may read."""


@dataclass(frozen=True)
class AuthSettings:
    """`[auth]`"""

    required: bool = True
    """Require a bearer token over TCP. The Unix socket is the operator and never needs one."""


@dataclass(frozen=True)
class FleetSettings:
    """`[fleet]`"""

    alias: str = "coordinator"
    """The name that targets such as `worker-a` refer to."""
    coordinator_url: str = ""
    """The coordinator that this instance reports to; empty makes it a coordinator."""
    advertise_url: str = ""
    """Where others reach this instance, if that is not the address it listens on; empty: it is."""
    ca_file: str = ""
    """The CA, PEM, that signs for the coordinator and the instances that this one calls; then nobody else
    does, not even a public CA. Relative to the home; empty: the CAs that the system trusts.
    """
    heartbeat_interval_secs: float = 5.0
    """Seconds between two heartbeats; an instance is live for 3 of them after its last heartbeat, stale for
    12.
    """
    most_workers: int = 16
    """How many workers `spl fleet start` starts on this machine without asking."""
    isolation_secs: float = 0.0
    """A worker that has not heard from its coordinator for this many seconds starts no new work; 0: it
    carries on, unless it is linked: then it is 300.
    """
    link: bool = False
    """Whether this worker connects to its coordinator and is reached through that link: nobody has to be able
    to connect to it.
    """

    @property
    def isolated_after_secs(self) -> float:
        """`isolation_secs`; of a linked worker never 0: it may be cut off for days, under rules of then."""
        return self.isolation_secs or (LINKED_ISOLATION_SECS if self.link else 0.0)


@dataclass(frozen=True)
class DispatchSettings:
    """`[dispatch]`"""

    adapter: str = "echo"
    """The adapter for subtasks that name none."""
    max_concurrent: int = 4
    """How many goals run at once on this instance; the rest queue in order."""
    default_timeout_secs: float = 1800.0
    """Time limit in seconds for goals that name none."""
    shutdown_grace_secs: float = 5.0
    """Seconds that a stop waits for running goals before it ends them; the next start runs them again."""


@dataclass(frozen=True)
class BackupSettings:
    """`[backup]`"""

    keep_starts: int = 7
    """How many of the newest backups stay."""
    keep_days: int = 14
    """For so many days the last backup of each day stays, too."""
    every_hours: float = 0.0
    """A backup is taken so often while the daemon runs, beside that of each start; 0: only at a start."""
    to: str = ""
    """A second folder for backups, such as one on another disk: each goes there, too. The daemon does not
    create it, so that a disk that is not mounted is noticed; empty: none.
    """
    passphrase_file: str = ""
    """A file (mode 0600) with the passphrase that seals keys and secrets. Each backup then includes them;
    empty: only `spl backup now --with-keys` does.
    """


@dataclass(frozen=True)
class LogSettings:
    """`[log]`"""

    level: str = "INFO"
    """ERROR, WARN, INFO, DEBUG or TRACE."""


@dataclass(frozen=True)
class ConsoleSettings:
    """`[console]`"""

    keys: dict[str, Any] = field(default_factory=dict)
    """`[console.keys]`: other keys for actions of the console, such as `freeze = ["ctrl+f"]`."""
    notify: dict[str, Any] = field(default_factory=dict)
    """`[console.notify]`: which news to announce, and how, such as `bell = false`."""


@dataclass(frozen=True)
class Settings:
    """Everything in `config.toml`, section by section."""

    server: ServerSettings = field(default_factory=ServerSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    fleet: FleetSettings = field(default_factory=FleetSettings)
    dispatch: DispatchSettings = field(default_factory=DispatchSettings)
    adapters: AdapterSettings = field(default_factory=AdapterSettings)
    permissions: PermissionSettings = field(default_factory=PermissionSettings)
    workspace: WorkspaceSettings = field(default_factory=WorkspaceSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    log: LogSettings = field(default_factory=LogSettings)
    traces: TraceSettings = field(default_factory=TraceSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)

    @property
    def role(self) -> str:
        """`worker` when there is a coordinator to report to, otherwise `coordinator`."""
        return "worker" if self.fleet.coordinator_url else "coordinator"


def without_itself(settings: Settings) -> Settings:
    """These settings; an instance told to report to its own endpoint becomes a coordinator, as if told to
    report to none.
    """
    fleet, port = settings.fleet, settings.server.port
    own = {fleet.advertise_url.rstrip("/"), *(f"http://{host}:{port}" for host in (HOST, "localhost"))}
    if fleet.coordinator_url and fleet.coordinator_url.rstrip("/") in own:
        return replace(settings, fleet=replace(fleet, coordinator_url=""))
    return settings


def split_listen(listen: str) -> tuple[str, int]:
    """Address and port of `[server] listen`. Raises SetupError."""
    found = _LISTEN.fullmatch(listen)
    if found is None or int(found["port"]) > 65535:
        raise SetupError(
            f"[server] listen must be an address and a port, not {listen!r}", "for example 0.0.0.0:9443"
        )
    return found["six"] or found["four"] or "0.0.0.0", int(found["port"])


def load_settings(home: Home, environ: Mapping[str, str]) -> Settings:
    """Read `config.toml` (a missing one means defaults) and apply the environment on top.

    Raises SetupError naming the section and the key when a value is unknown or of the wrong kind.
    """
    import tomllib  # a command that only asks a daemon reads no settings

    text = ""
    try:
        text = home.config.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        document = {}
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{home.config} is not TOML: {error}", _correction(text)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"cannot read {home.config}: {error}", "check the file and its permissions"
        ) from None
    settings = _parse(document, home.config)
    settings.store.check(home.config)
    if settings.adapters.run_as and settings.workspace.repos:
        raise SetupError(
            f"{home.config}: goals that run as another user cannot have a worktree: [adapters] run_as and "
            "[workspace.repos] exclude each other",
            "remove one of them; to let goals of both kinds run, start another worker",
        )
    coordinator = environ.get("SPL_FLEET_COORDINATOR_URL")
    if coordinator is not None:
        settings = replace(settings, fleet=replace(settings.fleet, coordinator_url=coordinator))
    return settings


def raw_entries(home: Home) -> Changes:
    """Every `[adapters.NAME]` and every entry of `[workspace.repos]` of a home as written, by key path.
    Raises SetupError for an invalid config.
    """
    settings = load_settings(home, {})
    if not settings.adapters.tables and not settings.workspace.repos:
        return {}
    import tomllib

    document = tomllib.loads(home.config.read_text(encoding="utf-8"))
    found: dict[tuple[str, ...], Any] = {
        ("adapters", name): document["adapters"][name] for name in settings.adapters.tables
    }
    found |= {(*REPOS, name): document["workspace"]["repos"][name] for name in settings.workspace.repos}
    return found


def with_isolation(entries: Changes, adapters: AdapterSettings) -> Changes:
    """Entries for another config: what `[adapters] isolation` says of these adapters holds there, too."""
    if adapters.isolation != SANDBOX:
        return entries
    return {
        keys: {"isolation": SANDBOX} | value if keys[0] == "adapters" else value
        for keys, value in entries.items()
    }


def raw_permissions(home: Home) -> Changes:
    """`[permissions]` of a home as written, by key path. Raises SetupError for an invalid config."""
    if load_settings(home, {}).permissions == PermissionSettings():
        return {}
    import tomllib

    document = tomllib.loads(home.config.read_text(encoding="utf-8"))
    return {("permissions", key): value for key, value in document["permissions"].items()}


def _correction(text: str) -> str:
    """How to mend a file that is not valid TOML."""
    twice = _SWITCH_AND_TABLE.search(text)
    if twice is not None:
        return (
            f"remove the line `{twice[1]} = …` from [adapters]: the table [adapters.{twice[1]}] replaces it"
        )
    return "correct that line, or move the file away"


def _parse(document: dict[str, Any], path: Path) -> Settings:
    settings = Settings()
    sections = {section.name for section in fields(Settings)}
    for name, values in document.items():
        if name not in sections:
            raise SetupError(f"{path}: unknown section [{name}]", f"known: {', '.join(sorted(sections))}")
        if not isinstance(values, dict):
            raise SetupError(f"{path}: {name} must be a section", f"write [{name}] on a line of its own")
        if name == "adapters":
            tables = read_tables(values, path)
            plain = {key: value for key, value in values.items() if key not in tables}
            # an adapter switch written as a table is on
            switched: dict[str, Any] = {key: True for key in SWITCHES if key in tables}
            adapters = _section(settings.adapters, {**plain, **switched}, name, path)
            settings = replace(settings, adapters=replace(adapters, tables=tables))
            _check_isolation(settings.adapters, path)
        elif name == "workspace":
            plain = {key: value for key, value in values.items() if key != "repos"}
            workspace = _section(settings.workspace, plain, name, path)
            check_author(workspace.author, path)
            repos = read_repos(values.get("repos", {}), path)
            settings = replace(settings, workspace=replace(workspace, repos=repos))
        elif name == "webhooks":
            settings = replace(settings, webhooks=read_webhooks(values, path))
        elif name == "permissions":
            plain = {key: value for key, value in values.items() if key != "rules"}
            permissions = _section(settings.permissions, plain, name, path)
            rules = read_rules(values.get("rules", []), path)
            settings = replace(settings, permissions=replace(permissions, rules=rules))
        else:
            settings = replace(settings, **{name: _section(getattr(settings, name), values, name, path)})
    return settings


def _check_isolation(adapters: AdapterSettings, path: Path) -> None:
    try:
        adapters.check_isolation()
    except SetupError as error:
        raise SetupError(f"{path}: {error.message}", error.hint) from None


def _section(default: Any, values: dict[str, Any], name: str, path: Path) -> Any:
    known = {key.name: getattr(default, key.name) for key in fields(default) if not key.metadata}
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise SetupError(f"{path}: unknown key {key!r} in [{name}]", f"known: {', '.join(sorted(known))}")
        wanted = type(known[key])
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            raise SetupError(
                f"{path}: [{name}] {key} must be a {wanted.__name__}, not {value!r}",
                f"default: {known[key]!r}",
            )
        if wanted in (int, float) and value < 0:
            raise SetupError(f"{path}: [{name}] {key} must not be negative", f"default: {known[key]!r}")
        checked[key] = value
    return replace(default, **checked)


def dump_settings(settings: Settings) -> str:
    """The text of a new `config.toml` with every setting, which reads back as `settings`."""
    return edited(_HEAD, _changes(settings))


def edit_settings(text: str, before: Settings, after: Settings) -> str:
    """Edit the text of a `config.toml` that reads as `before`, changing in place what differs in `after`.

    Raises ValueError when the text cannot be edited.
    """
    present = _changes(before)
    return edited(text, {key: value for key, value in _changes(after).items() if value != present[key]})


def _changes(settings: Settings) -> Changes:
    return {
        (section.name, key.name): getattr(getattr(settings, section.name), key.name)
        for section in fields(settings)
        for key in fields(getattr(settings, section.name))
        if not key.metadata
    }
