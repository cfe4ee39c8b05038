"""An environment in which another package has our import name: told by name, with what mends it."""

from __future__ import annotations

import ast
import hashlib
import os
import shlex
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

import syncropel
import syncropel_console

THEIRS = "from syncropel.client import Client, EmitResult\n__all__ = ['Client', 'EmitResult']\n"
ROOT = Path(__file__).parents[1]
PIP = f"{shlex.quote(sys.executable)} -m pip"
MEND = f"{PIP} install --force-reinstall --no-deps syncropel-console"


class Site:
    """A folder of packages that Python finds before all others."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def package(self, text: str) -> None:
        (self.path / "syncropel").mkdir()
        (self.path / "syncropel" / "__init__.py").write_text(text)

    def distribution(self, name: str, version: str, **files: str) -> None:
        folder = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"{path},sha256={digest(text)},{len(text)}" for path, text in files.items()]
        (folder / "RECORD").write_text("\n".join([*lines, f"{folder.name}/RECORD,,", ""]))

    def start(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What the script `spl` does."""
        program = "import sys, syncropel_console; sys.exit(syncropel_console.main())"
        environ = {**os.environ, "PYTHONPATH": str(self.path)}
        command = [sys.executable, "-c", program, *words]
        return subprocess.run(
            command, cwd=self.path, env=environ, capture_output=True, text=True, timeout=60, check=False
        )


def digest(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_whole_installation_starts(site: Site) -> None:
    ran = site.start("--version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"spl {syncropel.__version__}\n", "")


def test_their_files_over_ours(site: Site) -> None:
    site.package(THEIRS)
    site.distribution("syncropel", "0.7.0")
    site.distribution("syncropel-console", "0.1.0")
    ran = site.start("fleet", "list")
    assert (ran.returncode, ran.stdout) == (1, "")
    told = "the packages syncropel 0.7.0 and syncropel-console overwrite each other's files: keep one of them"
    assert ran.stderr == (f"error: {told}\nhint: {PIP} uninstall -y syncropel && {MEND}\n")


def test_their_files_before_a_checkout_of_ours(site: Site) -> None:
    site.package(THEIRS)
    site.distribution("syncropel", "0.7.0")
    ran = site.start("fleet", "list")
    assert ran.returncode == 1
    assert ran.stderr.endswith(f"\nhint: {PIP} uninstall -y syncropel\n")


@pytest.mark.parametrize("lost", ["syncropel/__init__.py", "syncropel/gone.py"])
def test_a_file_that_their_removal_took_along(site: Site, lost: str) -> None:
    site.package("raise ImportError\n")
    site.distribution("syncropel-console", "0.1.0", **{lost: "as it was installed\n"})
    ran = site.start("status")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"error: {lost} of syncropel-console is missing or was changed\nhint: {MEND}\n"


def test_a_package_of_nobody(site: Site) -> None:
    site.package("x = 1\n")
    site.distribution("syncropel-console", "0.1.0")
    ran = site.start("status")
    assert ran.returncode == 1
    place = site.path / "syncropel" / "__init__.py"
    assert (
        ran.stderr
        == f"error: the package syncropel is not that of syncropel-console: {place}\nhint: {MEND}\n"
    )


def test_a_library_that_is_missing_is_no_mix_up(site: Site) -> None:
    (site.path / "argparse.py").write_text("raise ImportError('a library of its own')\n")
    ran = site.start("status")
    assert "ImportError: a library of its own" in ran.stderr


def test_the_check_costs_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import syncropel_console; print(*set(sys.modules) - before)"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) == {"__future__", "syncropel_console"}


def test_nothing_beside_us_is_no_rival() -> None:
    assert syncropel_console.rival() is None


def test_no_command_runs_code_of_the_folder_one_stands_in() -> None:
    """`python -m` looks there first, unless it is told not to: a folder named syncropel would be run."""
    started = []
    for package in ("syncropel", "tui", "syncropel_console"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.List | ast.Tuple):
                    words = [ast.unparse(one) for one in node.elts]
                    if words[:1] == ["sys.executable"]:
                        started.append((f"{path.name}:{node.lineno}", words[1]))
    assert len(started) > 5
    assert [one for one in started if one[1] not in ("'-P'", "'-I'")] == []
