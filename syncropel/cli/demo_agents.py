"""The fake agents of `spl demo`: two scripts that edit a scratch repository, each in its own worktree."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from syncropel.settings.home import Home
from syncropel.settings.identity import make_home

NAME: Final = "scratch"
_PATIENCE_SECS: Final = 10.0
_FIRST: Final = "Shapes\n"

GOALS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (
        "# fake agent A\n"
        "printf 'def square(side):\\n    return side * side\\n' > square.py\n"
        "echo '- square.py, by fake agent A' >> README.md\n"
        "echo 'fake agent A wrote square.py'",
        {"target": "worker-a", "repo": NAME},
    ),
    (
        "# fake agent B\n"
        "printf 'def circle(radius):\\n    return 3.14159 * radius * radius\\n' > circle.py\n"
        "echo '- circle.py, by fake agent B' >> README.md\n"
        "echo 'fake agent B wrote circle.py'",
        {"target": "worker-b", "repo": NAME},
    ),
)


def offer_repository(home: Home, folder: Path) -> bool:
    """Create a repository in the folder, and a home whose config names it; the workers take it from there.

    Returns False, having created nothing, where git is missing or fails.
    """
    place = folder / NAME
    try:
        _make(place)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(place, ignore_errors=True)
        return False
    make_home(home)
    with home.config.open("a", encoding="utf-8") as config:
        config.write(f'\n[workspace.repos]\n{NAME} = "{place}"\n')
    return True


def _make(place: Path) -> None:
    place.mkdir()
    (place / "README.md").write_text(_FIRST, encoding="utf-8")
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    identity = ("-c", "user.name=Demo", "-c", "user.email=demo@localhost")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "Begin")):
        subprocess.run(
            ["git", *identity, *words],
            cwd=place,
            env={**kept, **own},
            check=True,
            capture_output=True,
            timeout=_PATIENCE_SECS,
        )
