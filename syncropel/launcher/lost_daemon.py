"""A home's daemon whose files are gone, found in the table of processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import psutil

from syncropel.launcher.process import serves
from syncropel.settings.home import Home, home_from

_OWN_MOUNTS: Final = Path("/proc/self/ns/mnt")


def lost_daemon(home: Home, *, besides: int = 0) -> int | None:
    """The PID of a daemon of this home and this user; None when there is none.

    It looks at every process, so it is for when nothing else helps. `besides`: a process that is not meant.
    """
    for process in psutil.process_iter():
        try:
            if process.pid not in (besides, os.getpid()) and _is_of(process, home):
                return int(process.pid)
        except (psutil.Error, OSError):
            continue
    return None


def _is_of(process: psutil.Process, home: Home) -> bool:
    words = process.cmdline()
    in_background = "syncropel.daemon" in words and "--home" in words[:-1]
    in_foreground = "serve" in words and "--foreground" in words
    if not (in_background or in_foreground) or not serves(words, home):
        return False
    if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
        return False
    if not _sees_our_files(process.pid):
        return False
    # The command line of a daemon in the foreground does not name its home, but its environment does.
    return in_background or home_from(process.environ()).path == home.path


def _sees_our_files(pid: int) -> bool:
    """Whether paths name the same files to this process as to us. In a container they name others: the same
    home is another one. Raises OSError when the system does not say.
    """
    if not _OWN_MOUNTS.is_symlink():
        return True  # a system without mount namespaces, or without /proc
    return os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink(_OWN_MOUNTS)
