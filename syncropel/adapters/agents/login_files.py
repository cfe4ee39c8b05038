"""Files of a person's own that a coding agent needs in a sandbox: its login, and its settings.

Everything else below its folder stays outside: what an agent wrote there would run when that person starts it
the next time. The login can be written, since it is renewed; settings cannot.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.cost_file import touch_plain


@dataclass(frozen=True)
class _Folder:
    """A folder of an agent. `variable`: says where it is; `usual`: below HOME; `below`: in that place."""

    variable: str
    usual: str
    below: str = ""
    login: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


_FOLDERS: Final[Mapping[str, tuple[_Folder, ...]]] = {
    "claude": (_Folder("CLAUDE_CONFIG_DIR", ".claude", "", (".credentials.json",), ("settings.json",)),),
    "codex": (_Folder("CODEX_HOME", ".codex", "", ("auth.json",), ("config.toml",)),),
    "gemini": (_Folder("GEMINI_CLI_HOME", "", ".gemini", ("oauth_creds.json",), ("settings.json", ".env")),),
    "opencode": (
        _Folder("XDG_DATA_HOME", ".local/share", "opencode", ("auth.json",)),
        _Folder("XDG_CONFIG_HOME", ".config", "opencode", (), ("opencode.json", "opencode.jsonc")),
    ),
}


def login_words(kind: str, environment: Mapping[str, str], home: Path, *, login: bool) -> list[str]:
    """Arguments of bubblewrap that show an agent its files in the HOME of its subtask; `login`: whether it
    needs its login. A folder that a variable of the agent names is not shown: the config does that. Blocks.

    Raises OSError.
    """
    words: list[str] = []
    for folder in _FOLDERS.get(kind, ()):
        if environment.get(folder.variable):
            continue
        base = Path(folder.usual) / folder.below
        for name in (*(folder.login if login else ()), *folder.settings):
            source = Path.home() / base / name
            if source.is_file():
                _make_room(home, base / name)
                how = "--bind" if name in folder.login else "--ro-bind"
                words += [how, os.path.realpath(source), str(home / base / name)]
    return words


def _make_room(home: Path, path: Path) -> None:
    """A plain file to mount on: an earlier attempt may have put a link there, which would lead elsewhere."""
    folder = home
    for part in path.parent.parts:
        folder = folder / part
        try:
            plain = stat.S_ISDIR(folder.lstat().st_mode)
        except FileNotFoundError:
            plain = False
        if not plain:
            folder.unlink(missing_ok=True)
            folder.mkdir(mode=0o700)
    touch_plain(home / path)
