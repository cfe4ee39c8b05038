"""What a daemon imports, and what that costs it afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys

from syncropel.system.importing import quickly

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


def test_nothing_is_collected_while_importing() -> None:
    with quickly():
        assert not gc.isenabled()
        with quickly():
            pass
        assert not gc.isenabled(), "who began it ends it"
    assert gc.isenabled()
