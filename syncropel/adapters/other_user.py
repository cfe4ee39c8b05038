"""The user that goals run as, if not the daemon's own: only then is there a security boundary."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.errors import SetupError
from syncropel.supervisor import tree

_CAPABILITIES: Final = {"CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_CHOWN": 0}
"""Capabilities needed to start and end a goal as another user."""
_HINT: Final = "start the daemon as root, or leave run_as empty: goals run as the daemon's user then"


@dataclass(frozen=True)
class OtherUser:
    """The user that goals run as, and the folder that they work in: the home itself is closed to them."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    goals: Path

    @property
    def numbers(self) -> list[int]:
        """uid, gid, and supplementary groups."""
        return [self.uid, self.gid, *self.groups]

    def own(self, path: Path) -> None:
        """Give a file or folder to this user. Raises OSError."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def environment(self) -> dict[str, str]:
        """Variables that tell a program which user it runs as."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}


def other_user(name: str, work: Path) -> OtherUser:
    """The user with this name. Raises SetupError, with the reason, when goals cannot run as this user."""
    try:
        found = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise SetupError(f"[adapters] run_as: there is no user {name!r}", "see: getent passwd") from None
    if found.pw_uid in (0, os.geteuid()):
        who = "root" if found.pw_uid == 0 else "the daemon's own user"
        raise SetupError(f"[adapters] run_as: {name!r} is {who}, which does not confine a goal", _HINT)
    if os.geteuid() != 0:
        raise SetupError(f"[adapters] run_as: only root may start goals as {name!r}", _HINT)
    if missing := missing_capabilities(tree.status_of(os.getpid())):
        raise SetupError(
            f"[adapters] run_as: this daemon may not start goals as {name!r}: it lacks {', '.join(missing)}",
            _HINT,
        )
    groups = tuple(one.gr_gid for one in grp.getgrall() if name in one.gr_mem)
    key = hashlib.sha256(os.fsencode(work.absolute())).hexdigest()[:16]
    goals = Path(tempfile.gettempdir()) / f"spl-goals-{key}"
    _make_open_folder(goals)
    return OtherUser(name, found.pw_uid, found.pw_gid, groups, found.pw_dir, goals)


def missing_capabilities(status: str) -> list[str]:
    """The required capabilities that a `/proc/PID/status` lacks; empty if that has no such line."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            mask = int(line.split()[1], 16)
            return [name for name, bit in sorted(_CAPABILITIES.items()) if not mask >> bit & 1]
    return []


def _make_open_folder(path: Path) -> None:
    """A folder that others may traverse. One created by somebody else is not used."""
    try:
        path.mkdir(mode=0o711, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise SetupError(f"[adapters] run_as: {path} belongs to another user", "remove it")
        path.chmod(0o711)
    except OSError as error:
        raise SetupError(
            f"[adapters] run_as: cannot make {path}: {error.strerror}", "check the owner of its folder"
        ) from None
