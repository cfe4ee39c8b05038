"""What every program in a sandbox sees: the system, its own program, and nothing of other users."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store")
"""Shown read-only, as far as they are there; and what everybody may read of `/etc`."""
_ETC: Final = "/etc"
_WRITABLE: Final = 0o222
_PACKAGES: Final = frozenset({"node_modules", "site-packages"})
_LOCAL: Final = frozenset({".local", ""})
_OWN: Final = ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp")


def system() -> list[str]:
    """Arguments that show the system, and an empty `/tmp`. Raises OSError."""
    words: list[str] = []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    words += ["--ro-bind", _ETC, _ETC, *_closed_to_others(), *_OWN]
    words += _kernel_of_root() if os.geteuid() == 0 else []
    resolver = os.path.realpath(f"{_ETC}/resolv.conf")  # often a link into /run, which is not shown
    if not resolver.startswith(f"{_ETC}/") and os.path.isfile(resolver):
        words += ["--ro-bind", resolver, resolver]
    return words


def _closed_to_others() -> Iterator[str]:
    """Hide what not everybody may read of `/etc`: a daemon of root, or of a group, may read more of it."""
    for folder, folders, files in os.walk(_ETC):
        for name in list(folders):
            if not _open_to_all(path := os.path.join(folder, name), 0o5):
                folders.remove(name)
                yield from ("--tmpfs", path)
        for name in files:
            if not _open_to_all(path := os.path.join(folder, name), 0o4):
                yield from ("--ro-bind", os.devnull, path)


def _kernel_of_root() -> Iterator[str]:
    """Make the kernel's own files in `/proc` read-only, and hide what not everybody may read of them: to root
    they belong even without a capability, such as `/proc/sys/kernel/core_pattern`, which names a program.
    """
    for one in os.scandir("/proc"):
        if one.name.isdecimal() or one.is_symlink():
            continue
        if one.is_dir() or one.stat().st_mode & _WRITABLE:
            yield from ("--ro-bind", one.path, one.path)
        if one.is_file() and not _open_to_all(one.path, 0o4):
            yield from ("--ro-bind", os.devnull, one.path)


def _open_to_all(path: str, mode: int) -> bool:
    try:
        found = os.lstat(path).st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISLNK(found) or found & mode == mode


def hidden(folder: Path, shown: Sequence[Path] = ()) -> list[str]:
    """Arguments that hide a folder where it is below something that is shown."""
    over = [Path(name) for name in (*SYSTEM, _ETC)] + [Path(os.path.realpath(one)) for one in shown]
    return ["--tmpfs", str(folder)] if any(folder.is_relative_to(one) for one in over) else []


def places_of(program: str) -> list[Path]:
    """What to show of a program that is not in the system: its own installation, such as
    `~/.nvm/versions/node/v22`, or else the file alone. One that is named relative to the folder in which it
    runs has to be in that folder: nothing is shown for it, wherever a link there leads.
    """
    if _is_relative(program):
        return []
    path, real = _paths(program)
    if in_system(path):
        return []
    places = [place for one in (path, real) if (place := _installation(one)) is not None]
    if not (in_system(real) or any(real.is_relative_to(place) for place in places)):
        places.append(real)
    return list(dict.fromkeys(places))


def link_to(program: str) -> list[str]:
    """Arguments that make the link by which a program is called, where its places do not have it."""
    if _is_relative(program):
        return []
    path, real = _paths(program)
    if path == real or in_system(path) or any(path.is_relative_to(one) for one in places_of(program)):
        return []
    return ["--symlink", str(real), str(path)]


def _is_relative(program: str) -> bool:
    return "/" in program and not program.startswith("/")


def _paths(program: str) -> tuple[Path, Path]:
    path = Path(os.path.abspath(shutil.which(program) or program))
    return path, Path(os.path.realpath(path))


def in_system(path: Path) -> bool:
    """Whether every program sees it anyway."""
    return any(path.is_relative_to(name) for name in SYSTEM)


def _installation(path: Path) -> Path | None:
    """The folder that a program is installed in; None for a single file, or the system's."""
    if in_system(path):
        return None
    for at, part in enumerate(path.parts):
        if part in _PACKAGES:
            return Path(*path.parts[: at + 1])
    prefix = path.parent.parent
    # ~/bin and ~/.local/bin are beside what is nobody else's business
    own = path.parent.name == "bin" and (prefix / "lib").is_dir() and prefix.name not in _LOCAL
    return prefix if own and not _is_home(prefix) else None


def _is_home(path: Path) -> bool:
    return path == Path.home() or path.parent in (Path("/home"), Path("/"))
