"""Installs a service where the system's manager finds it, and asks that how it does."""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from syncropel.errors import SetupError
from syncropel.launcher.service.definition import Service, label, launchd_plist, systemd_unit

ManagerName = Literal["systemd", "launchd"]
BOOTED: Final = Path("/run/systemd/system")
"""A folder that is there when systemd manages this machine."""
_LIMIT_SECS: Final = 100.0
"""A start waits until the daemon is ready, and a stop until it has ended."""
_SHOWN: Final = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "MainPID",
    "StatusText",
    "NRestarts",
)


@dataclass(frozen=True)
class Installed:
    """A service as its manager has it. `matches`: whether the file is what `install` would write; None when
    there is no file. `state`: the manager's word, such as `active (running)`, or why it is not known.
    """

    path: Path
    exists: bool
    matches: bool | None
    known: bool
    active: bool
    enabled: bool
    state: str
    pid: int = 0
    restarts: int = 0


def manager_here() -> ManagerName:
    """Which manager this system has. Raises SetupError when it is none that this knows."""
    system = platform.system()
    if system == "Darwin":
        return "launchd"
    if system == "Linux":
        return "systemd"
    raise SetupError(f"no service manager that spl knows runs on {system}", "start it yourself: spl serve")


class Manager:
    """A manager of services, for the whole system or for this user alone."""

    def __init__(self, name: ManagerName, *, whole_system: bool) -> None:
        self.name = name
        self.whole_system = whole_system

    def text(self, service: Service) -> str:
        """What `install` writes."""
        return systemd_unit(service) if self.name == "systemd" else launchd_plist(service)

    def path(self, service: Service) -> Path:
        """Where `install` writes it."""
        if self.name == "launchd":
            folder = (
                Path("/Library/LaunchDaemons") if self.whole_system else Path.home() / "Library/LaunchAgents"
            )
            return folder / f"{label(service.name)}.plist"
        if self.whole_system:
            return Path("/etc/systemd/system") / f"{service.name}.service"
        config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return Path(config) / "systemd/user" / f"{service.name}.service"

    def check(self) -> None:
        """Raise SetupError when this manager does not run here, or this user may not change its services."""
        if self.whole_system and os.geteuid() != 0:
            raise SetupError(
                "only root can change services of the whole system",
                "run it with sudo; or install it for yourself: without --system",
            )
        self._check_that_it_runs()

    def _check_that_it_runs(self) -> None:
        if self.name == "launchd":
            if shutil.which("launchctl") is None:
                raise SetupError("launchd does not run here", "start the daemon yourself: spl serve")
            return
        # As sd_booted(3): a systemctl alone, as in a container, manages nothing.
        if shutil.which("systemctl") is None or not BOOTED.is_dir():
            raise SetupError(
                "systemd does not run here",
                "start the daemon yourself: spl serve; to see the unit: spl service install --dry-run",
            )
        if not self.whole_system and not _has_user_manager():
            raise SetupError(
                "systemd runs no services for this user here",
                "log in as this user, and not by su or sudo; or as root: loginctl enable-linger USER",
            )

    def install(self, service: Service, *, force: bool) -> bool:
        """Write the file, and have it started with the system or the login; return whether anything changed.

        Raises SetupError when another file is there, unless `force` replaces it, or the manager refuses.
        """
        self.check()
        path, text = self.path(service), self.text(service)
        present = _read(path)
        if present is not None and present != text and not force:
            raise SetupError(
                f"{path} is there already, and differs",
                "see what would be written: --dry-run; replace it: --force",
            )
        if present != text:
            _write(path, text)
        if self.name == "systemd":
            self._systemctl("daemon-reload")
            self._systemctl("enable", service.name)
        return present != text

    def start(self, service: Service) -> None:
        """Start it, and wait until it is ready. Raises SetupError when it does not become ready."""
        if self.name == "systemd":
            self._systemctl("start", service.name)
        else:
            _run("launchctl", "bootstrap", self._domain, str(self.path(service)))

    def uninstall(self, service: Service) -> bool:
        """Stop it, leaving running goals as a stop by the manager does, and remove the file; return whether
        there was one. Raises SetupError.
        """
        self.check()
        path = self.path(service)
        present = _read(path)
        if present is None:
            return False
        if self.name == "systemd":
            self._systemctl("disable", "--now", service.name)
        else:
            with contextlib.suppress(SetupError):  # it may not be loaded
                _run("launchctl", "bootout", f"{self._domain}/{label(service.name)}")
        try:
            path.unlink()
        except OSError as error:
            raise SetupError(f"cannot remove {path}: {error.strerror}", "check its owner") from None
        if self.name == "systemd":
            self._systemctl("daemon-reload")
        return True

    def look(self, service: Service) -> Installed:
        """How the service does; when the manager cannot be asked, its state is unknown."""
        path = self.path(service)
        present = _read(path)
        matches = None if present is None else present == self.text(service)
        try:
            self._check_that_it_runs()
            if self.name == "launchd":
                return self._look_at_launchd(service, path, matches)
            told = self._systemctl("show", service.name, f"--property={','.join(_SHOWN)}")
        except SetupError as error:
            state = f"unknown: {error.message}"
            return Installed(path, present is not None, matches, False, False, False, state)
        shown = dict(line.partition("=")[::2] for line in told.splitlines())
        state = f"{shown.get('ActiveState', '')} ({shown.get('SubState', '')})"
        if text := shown.get("StatusText"):
            state = f"{state}: {text}"
        return Installed(
            path,
            present is not None,
            matches,
            True,
            shown.get("ActiveState") == "active",
            shown.get("UnitFileState", "").startswith("enabled"),
            state if shown.get("LoadState") == "loaded" else "not loaded",
            _number(shown.get("MainPID", "")),
            _number(shown.get("NRestarts", "")),
        )

    def _look_at_launchd(self, service: Service, path: Path, matches: bool | None) -> Installed:
        try:
            told = _run("launchctl", "print", f"{self._domain}/{label(service.name)}")
        except SetupError:
            return Installed(path, matches is not None, matches, True, False, False, "not loaded")
        shown = dict(line.strip().partition(" = ")[::2] for line in told.splitlines() if " = " in line)
        state = shown.get("state", "unknown")
        pid = _number(shown.get("pid", ""))
        return Installed(path, matches is not None, matches, True, state == "running", True, state, pid)

    @property
    def _domain(self) -> str:
        return "system" if self.whole_system else f"gui/{os.getuid()}"

    def _systemctl(self, *words: str) -> str:
        return _run("systemctl", *([] if self.whole_system else ["--user"]), "--no-pager", *words)


def account_named(name: str) -> str:
    """The user that a service of the whole system runs as. Raises SetupError when there is none."""
    if not name:
        raise SetupError(
            "a service of the whole system needs a user to run as", "name one that is not root: --run-as USER"
        )
    try:
        found = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise SetupError(f"there is no user {name!r} here", "make one: useradd --create-home NAME") from None
    return found.pw_name


def _has_user_manager() -> bool:
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return (Path(runtime) / "systemd" / "private").exists()


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"cannot read {path}: {error}", "check its owner") from None


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}", "check the folder's owner") from None


def _run(*command: str) -> str:
    """What a command of the manager prints. Raises SetupError with its last words when it fails."""
    try:
        ran = _completed(command)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{command[0]} cannot be asked: {error}", "see: spl service status") from None
    if ran.returncode:
        words = (ran.stderr.strip() or ran.stdout.strip() or f"exit status {ran.returncode}").splitlines()
        raise SetupError(f"{' '.join(command)}: {words[-1]}", "see: spl service status")
    return ran.stdout


def _completed(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_LIMIT_SECS, check=False
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
