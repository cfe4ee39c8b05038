"""The text of a service: a systemd unit, or a launchd property list."""

from __future__ import annotations

import plistlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WATCHDOG_SECS: Final = 60
START_SECS: Final = 90
STOP_SECS: Final = 90
_LABEL: Final = "com.syncropel."


@dataclass(frozen=True)
class Service:
    """One daemon as a service. `name`: without a suffix; `python`: the interpreter that has this package.

    `account`: the user that a service of the whole system runs as; empty for a service of the user that
    installs it. `path`: the PATH of its goals.
    """

    name: str
    python: str
    home: Path
    path: str = ""
    account: str = ""

    @property
    def command(self) -> list[str]:
        """What is run. It looks as a daemon does that `spl serve` starts, so that commands find it."""
        daemon = ["-P", "-m", "syncropel.daemon", "--home", str(self.home)]
        return [self.python, *daemon, "--shown-as", "spl serve", "--foreground"]

    @property
    def environment(self) -> dict[str, str]:
        return {"SYNCROPEL_HOME": str(self.home), **({"PATH": self.path} if self.path else {})}


def systemd_unit(service: Service) -> str:
    """The unit file.

    A restart by systemd leaves running goals to the next daemon: the signal of the stop says so to the
    daemon, and only the daemon gets it. With `KillMode=mixed` or `control-group` systemd would kill the
    goals, too, as soon as the daemon has ended.
    """
    words = " ".join(_word(one, command=True) for one in service.command)
    lines = [
        "# Made by `spl service install`.",
        "[Unit]",
        f"Description=Syncropel daemon of {_plain(str(service.home))}",
        *(["After=network-online.target", "Wants=network-online.target"] if service.account else []),
        "# Five failed starts in five minutes are enough: look at the log, then reset-failed and start.",
        "StartLimitIntervalSec=300",
        "StartLimitBurst=5",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        *([f"User={service.account}"] if service.account else []),
        f"ExecStart={words}",
        *(f"Environment={_word(f'{name}={value}')}" for name, value in service.environment.items()),
        "# A stop or a restart by systemd leaves running goals to the next daemon, as spl stop --keep-work",
        "# does; without one they end by themselves. To end them now: spl stop.",
        "KillSignal=SIGUSR1",
        "KillMode=process",
        "# Goals are in this control group: one that runs out of memory must not end the daemon.",
        "OOMPolicy=continue",
        "Restart=on-failure",
        "RestartSec=2",
        f"WatchdogSec={WATCHDOG_SECS}",
        f"TimeoutStartSec={START_SECS}",
        f"TimeoutStopSec={STOP_SECS}",
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if service.account else 'default.target'}",
    ]
    return "\n".join(lines) + "\n"


def launchd_plist(service: Service) -> str:
    """The property list. Goals are left running when the daemon ends, and it starts again unless it ended
    without an error.
    """
    logs = service.home / "logs"
    told = {
        "Label": label(service.name),
        "ProgramArguments": service.command,
        "EnvironmentVariables": service.environment,
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "AbandonProcessGroup": True,
        "ExitTimeOut": STOP_SECS,
        "ThrottleInterval": 10,
        "ProcessType": "Interactive",
        "StandardErrorPath": str(logs / "stderr.log"),
        **({"UserName": service.account} if service.account else {}),
    }
    return plistlib.dumps(told, sort_keys=False).decode()


def label(name: str) -> str:
    """What launchd calls this service."""
    return _LABEL + name


def default_name(home: Path) -> str:
    """`spl` for `~/.syncro`, `spl-worker-a` for `~/.syncro-worker-a`; others give `spl-` and their name."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "-" for char in home.name)
    base = kept.strip("-")
    rest = "" if base in ("syncro", "syncropel") else base.removeprefix("syncro-")
    return f"spl-{rest}" if rest else "spl"


def _word(text: str, *, command: bool = False) -> str:
    """A word as systemd reads it: quoted where it has to be, and without specifiers. `command`: variables are
    replaced there, too.
    """
    told = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if command:
        told = told.replace("$", "$$")
    return f'"{told}"' if any(char.isspace() or char in "\"'\\;" for char in text) or not text else told


def _plain(text: str) -> str:
    return text.replace("%", "%%")
