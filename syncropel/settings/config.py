"""Locations and settings: homes, `config.toml`, environment (PROTOCOL: Places)."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from syncropel.errors import SetupError
from syncropel.settings.adapters import SWITCHES, AdapterSettings, read_tables
from syncropel.settings.workspace import WorkspaceSettings, check_author, read_repos
from syncropel.toml_text import Changes, edited

DEFAULT_PORT: Final = 9100
FIRST_WORKER_PORT: Final = 9201
HOST: Final = "127.0.0.1"
STOP_KEEPING_WORK: Final = signal.SIGUSR1
"""Tells a daemon to end and leave running work to the next daemon of its home."""
REPOS: Final = ("workspace", "repos")
"""The path of the repositories in `config.toml`."""
_HEAD: Final = "# Settings of this Syncropel instance. Changes take effect at the next start.\n\n"
_SWITCH_AND_TABLE: Final = re.compile(
    r"^\[adapters\]\n(?:(?!\[).*\n)*?(bash|noop)[ \t]*=(?:.*\n)+?\[adapters\.\1\]", re.MULTILINE
)
_SOCKET_PATH_LIMIT: Final = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


@dataclass(frozen=True)
class ServerSettings:
    """`[server]`"""

    port: int = DEFAULT_PORT
    """TCP port on 127.0.0.1; 0 takes any free one."""


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
    heartbeat_interval_secs: float = 5.0
    """Seconds between two heartbeats; an instance is live for 3 of them after its last heartbeat, stale for
    12.
    """
    most_workers: int = 16
    """How many workers `spl fleet start` starts on this machine without asking."""
    isolation_secs: float = 0.0
    """A worker that has not heard from its coordinator for this many seconds starts no new work; 0: it
    carries on.
    """


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
    workspace: WorkspaceSettings = field(default_factory=WorkspaceSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    log: LogSettings = field(default_factory=LogSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)

    @property
    def role(self) -> str:
        """`worker` when there is a coordinator to report to, otherwise `coordinator`."""
        return "worker" if self.fleet.coordinator_url else "coordinator"


@dataclass(frozen=True)
class Home:
    """One instance's folder and the files in it."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def store(self) -> Path:
        return self.path / "hub.db"

    @property
    def reserve(self) -> Path:
        """Disk space that is reserved for the next freeze when the disk is full."""
        return self.path / "hub.db.reserve"

    @property
    def lineage(self) -> Path:
        """What is known of the store: which log it is, and how far it went."""
        return self.path / "hub.db.lineage"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def fleet_token(self) -> Path:
        """The bearer token that instances of one fleet share."""
        return self.secrets / "fleet.token"

    @property
    def instance_token(self) -> Path:
        """The bearer token with which this worker identifies itself to its coordinator."""
        return self.secrets / "instance.token"

    @property
    def coordinator_key(self) -> Path:
        """On a worker: its coordinator's DID, and the hash of the secret that the coordinator
        presents here."""
        return self.secrets / "coordinator.json"

    def peer_token(self, did: str) -> Path:
        """The bearer token that this coordinator presents to an instance of its fleet."""
        # The file name is a hash, since a DID may be any text.
        return self.secrets / "peers" / f"{hashlib.sha256(did.encode()).hexdigest()[:32]}.token"

    @property
    def client_token(self) -> Path:
        """The bearer token that `spl token save` stores for the command line's TCP calls."""
        return self.secrets / "client.token"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def pid_file(self) -> Path:
        return self.run / "spl.pid"

    @property
    def gateway_port(self) -> Path:
        """The port that this instance's gateway listens on."""
        return self.run / "gateway.port"

    @property
    def log(self) -> Path:
        return self.path / "logs" / "spl.log"

    @property
    def work(self) -> Path:
        """Working folders and full outputs of the goals that ran here."""
        return self.path / "work"

    @property
    def socket(self) -> Path:
        """`run/spl.sock`, or a short private path when the home's own is too long for a socket address."""
        path = self.run / "spl.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
        key = hashlib.sha256(os.fsencode(self.path.absolute())).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"spl-{os.getuid()}-{key}" / "spl.sock"

    def sibling(self, name: str) -> Home:
        """The home of a worker beside this one: `~/.syncro` gives `~/.syncro-worker-a`."""
        return Home(self.path.with_name(f"{self.path.name}-{name}"))

    def display(self) -> str:
        """The path as a person writes it, with `~` for their own home folder."""
        try:
            return str(Path("~") / self.path.relative_to(Path.home()))
        except (ValueError, RuntimeError):
            return str(self.path)


def home_from(environ: Mapping[str, str]) -> Home:
    """`SYNCROPEL_HOME`, or `~/.syncro`."""
    return Home(Path(environ.get("SYNCROPEL_HOME") or "~/.syncro").expanduser().absolute())


def lock_of(store: Path) -> Path:
    """The file that the daemon of this store keeps locked, with its PID in it."""
    return store.with_name(f"{store.name}.lock")


def data_dir_from(environ: Mapping[str, str]) -> Path:
    """`SYNCROPEL_DATA`, or `~/.syncro-data`: task files and aliases."""
    return Path(environ.get("SYNCROPEL_DATA") or "~/.syncro-data").expanduser().absolute()


def actor_from(environ: Mapping[str, str]) -> str:
    """Who is typing: `SPL_ACTOR`, or a DID made from the login name."""
    return (
        environ.get("SPL_ACTOR")
        or f"did:sync:user:{environ.get('USER') or environ.get('LOGNAME') or 'operator'}"
    )


def without_itself(settings: Settings) -> Settings:
    """These settings; an instance told to report to its own endpoint becomes a coordinator, as if told to
    report to none.
    """
    fleet, port = settings.fleet, settings.server.port
    own = {fleet.advertise_url.rstrip("/"), *(f"http://{host}:{port}" for host in (HOST, "localhost"))}
    if fleet.coordinator_url and fleet.coordinator_url.rstrip("/") in own:
        return replace(settings, fleet=replace(fleet, coordinator_url=""))
    return settings


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
        elif name == "workspace":
            plain = {key: value for key, value in values.items() if key != "repos"}
            workspace = _section(settings.workspace, plain, name, path)
            check_author(workspace.author, path)
            repos = read_repos(values.get("repos", {}), path)
            settings = replace(settings, workspace=replace(workspace, repos=repos))
        else:
            settings = replace(settings, **{name: _section(getattr(settings, name), values, name, path)})
    return settings


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
