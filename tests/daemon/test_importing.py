"""What a daemon imports, and what that costs it afterwards."""

from __future__ import annotations

import gc
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import syncropel
from syncropel.system.importing import not_installed, quickly

from .conftest import python_path

ASKED = """
import gc, sys
from syncropel.daemon import process as daemon

assert "syncropel.engine.engine" not in sys.modules, "imported before the settings are known to be good"
daemon._server()
for absent in ("rich", "pygments", "textual", "syncropel.client", "syncropel.cli"):
    assert absent not in sys.modules, absent
assert gc.isenabled()
assert gc.get_freeze_count() > 10_000
"""


def test_a_daemon_imports_only_what_it_uses_and_never_collects_it() -> None:
    subprocess.run([sys.executable, "-c", ASKED], env={"PYTHONPATH": python_path()}, check=True)


def test_what_is_not_installed_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "certainly_not_a_package"
    monkeypatch.delitem(sys.modules, name, raising=False)
    not_installed(name)
    monkeypatch.setattr(sys, "path_importer_cache", None)  # so that a look at any folder fails
    with pytest.raises(ImportError):
        importlib.import_module(name)
    before = sys.modules["json"]
    not_installed("json")
    assert sys.modules["json"] is before
    monkeypatch.delitem(sys.modules, name)


def test_nothing_is_collected_while_importing() -> None:
    with quickly():
        assert not gc.isenabled()
        with quickly():
            pass
        assert not gc.isenabled(), "who began it ends it"
    assert gc.isenabled()


def test_what_a_process_is_started_as_is_a_module() -> None:
    """Nothing else knows these names: a module that moves would take its command with it."""
    sources = [path.read_text(encoding="utf-8") for path in Path(syncropel.__file__).parent.rglob("*.py")]
    names = {name for source in sources for name in re.findall(r'"-m", "(syncropel[\w.]*)"', source)}
    assert {"syncropel.daemon", "syncropel.daemon.unlock", "syncropel.cli.main"} <= names
    assert [name for name in sorted(names) if importlib.util.find_spec(name) is None] == []
