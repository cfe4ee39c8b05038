"""The entry point of `spl`, outside the package `syncropel`, so that it can say what is wrong when that
cannot be imported.

The published client on the index has the same import name as this package: in one environment they overwrite
each other's files, and pip does not say so.
"""

from __future__ import annotations

import sys

OURS = "syncropel-console"
RIVAL = "syncropel"
"""The name of the published client's distribution."""
FAILED = 1


def main() -> int:
    """Run `spl`; returns 1 when the installation is broken."""
    problem = None if _is_ours() else damage()
    if problem is None:
        try:
            from syncropel.cli.main import process as run
        except ImportError:
            if (problem := _lost_file()) is None:
                raise
        else:
            return run()
    print(f"error: {problem[0]}\nhint: {problem[1]}", file=sys.stderr)
    return FAILED


def _is_ours() -> bool:
    """Whether the package `syncropel` that Python finds is this distribution's."""
    try:
        import syncropel
    except ImportError:
        return False
    return "SyncClient" in getattr(syncropel, "__all__", ())


def damage() -> tuple[str, str]:
    """What has replaced our package, and the command that mends it."""
    version = rival()
    if version is None:
        place = getattr(sys.modules.get("syncropel"), "__file__", None) or "the one that Python finds"
        return _lost_file() or (f"the package syncropel is not that of {OURS}: {place}", _mend())
    remove = f"{_pip()} uninstall -y {RIVAL}"
    told = f"the packages {RIVAL} {version} and {OURS} overwrite each other's files: keep one of them"
    return told, remove if _linked() else f"{remove} && {_mend()}"


def _lost_file() -> tuple[str, str] | None:
    lost = _lost()
    return (f"{lost} of {OURS} is missing or was changed", _mend()) if lost is not None else None


def _mend() -> str:
    return f"{_pip()} install --force-reinstall --no-deps {OURS}"


def _pip() -> str:
    from shlex import quote

    return f"{quote(sys.executable)} -m pip"


def rival() -> str | None:
    """The version of the published client in this environment; None when it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(RIVAL)
    except PackageNotFoundError:
        return None


def _lost() -> str | None:
    """One of our files that differs from what was installed; None when none does, or that is not known."""
    from base64 import urlsafe_b64encode
    from csv import reader
    from hashlib import sha256
    from importlib.metadata import PackageNotFoundError, distribution
    from pathlib import Path

    try:
        ours = distribution(OURS)
    except PackageNotFoundError:
        return None
    # `files()` leaves out those that are missing, from Python 3.12 on: they are what is looked for.
    for name, said, *_ in reader((ours.read_text("RECORD") or "").splitlines()):
        method, _, digest = said.partition("=")
        if method != "sha256" or not name.startswith("syncropel/"):
            continue
        try:
            content = Path(str(ours.locate_file(name))).read_bytes()
        except OSError:
            return name
        if urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode() != digest:
            return name
    return None


def _linked() -> bool:
    """Whether the environment only points to our checkout, whose files no other package touches."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        told = distribution(OURS).read_text("direct_url.json")
    except PackageNotFoundError:
        return False
    return told is not None and '"editable": true' in told
