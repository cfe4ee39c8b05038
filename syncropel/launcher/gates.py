"""Finds a gate command for a repository in its own test configuration, without running anything.

A gate runs in a new worktree without ignored files: it has to install what the tests need besides.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PATIENCE_SECS: Final = 20.0
_MAKEFILES: Final = ("GNUmakefile", "makefile", "Makefile")
_TARGET: Final = re.compile(r"^(test|check)[ \t]*:(?!=)", re.MULTILINE)
_NO_TESTS: Final = "no test specified"
"""Part of the script that npm writes for a package without tests."""
_INSTALLERS: Final = {
    "pnpm-lock.yaml": ("pnpm", "pnpm install --frozen-lockfile"),
    "yarn.lock": ("yarn", "yarn install --frozen-lockfile"),
    "package-lock.json": ("npm", "npm ci --no-audit --no-fund"),
}
_LONGEST_FILE: Final = 1024 * 1024


@dataclass(frozen=True)
class Gate:
    """A command, and where it was found."""

    words: Sequence[str]
    told: str


def find_gate(folder: Path, environ: Mapping[str, str]) -> Gate | None:
    """A gate for the repository in this folder whose program is on PATH; None if there is none."""
    finders: tuple[Callable[[Path, Mapping[str, str]], Gate | None], ...] = (
        _make,
        _package,
        _cargo,
        _go,
        _python,
    )
    for find in finders:
        found = find(folder, environ)
        if found is not None and shutil.which(found.words[0], path=environ.get("PATH")):
            return found
    return None


def problem_of(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Why this gate cannot pass, as far as is known without running it; empty if nothing is wrong."""
    program = words[0]
    if "/" in program and not program.startswith("/"):
        return "" if (folder / program).is_file() else f"its program {program!r} is not in the repository"
    if shutil.which(program, path=environ.get("PATH")) is None:
        return f"its program {program!r} is not found"
    if program == "make" and len(words) == 2 and words[1] in ("test", "check"):
        targets = _TARGET.findall(_makefile(folder)[1])
        return "" if words[1] in targets else f"the repository has no make target {words[1]!r}"
    return ""


def _make(folder: Path, environ: Mapping[str, str]) -> Gate | None:
    name, text = _makefile(folder)
    targets = _TARGET.findall(text)
    target = next((one for one in ("test", "check") if one in targets), None)
    return Gate(("make", target), f"{name} has the target {target}") if target else None


def _makefile(folder: Path) -> tuple[str, str]:
    """Name and text of the makefile that make would read."""
    return next(((name, _text(folder / name)) for name in _MAKEFILES if (folder / name).is_file()), ("", ""))


def _package(folder: Path, environ: Mapping[str, str]) -> Gate | None:
    try:
        package = json.loads(_text(folder / "package.json"))
    except (ValueError, RecursionError):
        return None
    scripts = package.get("scripts") if isinstance(package, dict) else None
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or _NO_TESTS in script:
        return None
    locked = next((one for name, one in _INSTALLERS.items() if (folder / name).is_file()), None)
    tool, installs = locked or ("npm", "npm install --no-audit --no-fund")
    if shutil.which(tool, path=environ.get("PATH")) is None:
        return None
    told = "package.json has the script test"
    if not package.get("dependencies") and not package.get("devDependencies"):
        return Gate((tool, "test"), told)
    return Gate(("sh", "-c", f"{installs} && {tool} test"), told)


def _cargo(folder: Path, environ: Mapping[str, str]) -> Gate | None:
    return Gate(("cargo", "test"), "there is a Cargo.toml") if (folder / "Cargo.toml").is_file() else None


def _go(folder: Path, environ: Mapping[str, str]) -> Gate | None:
    return Gate(("go", "test", "./..."), "there is a go.mod") if (folder / "go.mod").is_file() else None


def _python(folder: Path, environ: Mapping[str, str]) -> Gate | None:
    try:
        project: dict[str, Any] = tomllib.loads(_text(folder / "pyproject.toml"))
    except ValueError:
        return None
    tool = project.get("tool")
    configured = isinstance(tool, dict) and "pytest" in tool
    if not project or not (configured or (folder / "tests").is_dir()):
        return None
    told = (
        "pyproject.toml configures pytest" if configured else "there is a pyproject.toml and a folder tests"
    )
    return Gate(("python3", "-m", "pytest"), told) if _has_pytest(environ) else None


def _has_pytest(environ: Mapping[str, str]) -> bool:
    """Whether the python3 on PATH can import pytest; runs no code of the repository."""
    program = shutil.which("python3", path=environ.get("PATH"))
    if program is None:
        return False
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest') is None)"
    try:
        ran = subprocess.run(
            [program, "-I", "-c", code],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def _text(path: Path) -> str:
    """The first MiB of a file; empty if it does not exist."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_FILE).decode("utf-8", "replace")
    except OSError:
        return ""
