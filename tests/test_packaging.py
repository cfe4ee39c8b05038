"""The distribution: its metadata, its page on an index, its extras, its source archive that stands alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from readme_renderer.markdown import render

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {"aiohttp", "textual-serve", "cryptography", "genai-prices", "httpx2", "mcp", "prometheus-client"}
TRACKED = [
    "LICENSE",
    "README.md",
    "Makefile",
    "constraints.txt",
    "syncropel/py.typed",
    "syncropel/__init__.pyi",
]
TRACKED += ["tests/conftest.py", "docs/reference/cli.md", "mkdocs.yml", "benchmarks/__main__.py"]
TRACKED += ["tui/styles", "syncropel_console"]


def build(hook: str, folder: Path, root: Path = ROOT) -> Path:
    """Call a hook of the build backend, as pip does, without a network."""
    code = f"import sys, hatchling.build as build; print(build.{hook}(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(folder)]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return folder / ran.stdout.split()[-1]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Message:
    """What an index reads."""
    made = build("prepare_metadata_for_build_wheel", tmp_path_factory.mktemp("metadata"))
    return Parser().parsestr((made / "METADATA").read_text(encoding="utf-8"))


def test_an_index_shows_who_what_and_where(told: Message) -> None:
    assert told["Name"] == "syncropel-console"
    assert told["Author"]
    assert told["License-Expression"] == "Apache-2.0"
    assert told.get_all("Project-URL")
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.11"} <= set(
        told.get_all("Classifier", [])
    )


def test_the_page_renders_and_leads_nowhere_that_is_not_there(told: Message) -> None:
    page = str(told.get_payload())
    html = render(page)
    assert html is not None
    assert ">Syncropel<" in html
    assert "<table>" in html
    links = re.findall(r'(?:href|src)="([^"]+)"', html)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert "docs/howto/stop-work.md" in html
    assert "![" not in page


def test_the_command_is_the_one_that_checks_the_installation() -> None:
    assert PROJECT["scripts"] == {"spl": "syncropel_console:main"}


def needed(name: str, seen: set[str] | None = None) -> set[str]:
    """A distribution's requirements and theirs, without extras."""
    seen = set() if seen is None else seen
    for line in metadata.requires(name) or ():
        known = re.match(r"[\w.-]+", line)
        assert known
        one = re.sub(r"[_.]+", "-", known.group()).lower()
        if "extra ==" not in line and one not in seen:
            seen.add(one)
            try:
                needed(one, seen)
            except metadata.PackageNotFoundError:
                continue  # for another platform
    return seen


def test_an_extras_libraries_are_not_in_the_base_installation() -> None:
    base = needed("syncropel-console")
    assert {"httpx", "textual", "fastapi"} <= base
    assert not base & EXTRAS
    assert "textual-serve" in PROJECT["optional-dependencies"]["web"][0]
    assert "genai-prices" in PROJECT["optional-dependencies"]["agents"][0]
    assert "cryptography" in PROJECT["optional-dependencies"]["seal"][0]
    assert "mcp" in PROJECT["optional-dependencies"]["mcp"][0]
    assert "prometheus-client" in PROJECT["optional-dependencies"]["metrics"][0]


def test_only_what_an_extra_is_for_needs_what_it_brings() -> None:
    code = """
import importlib, pkgutil, sys
for name in ("aiohttp", "textual_serve", "genai_prices", "cryptography", "mcp", "prometheus_client"):
    sys.modules[name] = None
import syncropel, tui
for package in (syncropel, tui):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        apart = module.name.startswith(
            ("tui.web", "syncropel.cli.mcp_server", "syncropel.api.daemon.exposition")
        )
        if not apart and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_missing_extra_is_asked_for_by_name(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['{}'] = None; import syncropel_console; sys.exit(syncropel_console.main())"
    )
    environ = {**os.environ, "SYNCROPEL_HOME": str(tmp_path)}
    for name in ("textual_serve", "aiohttp"):
        ran = subprocess.run(
            [sys.executable, "-c", code.format(name), "console", "--web"],
            capture_output=True,
            text=True,
            env=environ,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr == (
            "error: the console in a browser needs the extra 'web'\n"
            "hint: pip install 'syncropel-console[web]'\n"
        )


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, far from the checkout it was made of."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("build_sdist", folder)) as archive:
        archive.extractall(folder, filter="data")
    (root,) = (one for one in folder.iterdir() if one.is_dir())
    return root


def test_a_source_archive_has_what_it_takes_to_work_on_it(unpacked: Path) -> None:
    assert [path for path in TRACKED if not (unpacked / path).exists()] == []
    assert not (unpacked / ".venv").exists()
    snapshots = len(list((ROOT / "snapshots").rglob("*.svg")))
    assert len(list((unpacked / "snapshots").rglob("*.svg"))) == snapshots


def test_a_source_archive_builds_and_tests_itself(unpacked: Path, tmp_path: Path) -> None:
    wheel = build("build_wheel", tmp_path, unpacked)
    assert wheel.suffix == ".whl"
    environ = {**os.environ, "PYTHONPATH": str(unpacked)}

    def ran(*words: str) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(
            command, cwd=unpacked, env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert ran("-c", "import syncropel; print(syncropel.__file__)").startswith(str(unpacked))
    assert ran("-c", "import syncropel_console, sys; sys.exit(syncropel_console.main())", "-V").startswith(
        "spl "
    )
    assert " passed" in ran("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_record.py")
