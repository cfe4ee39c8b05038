"""The data folder: a task's content file, `tasks/<alias>.md`, for its author's notes, and `aliases.toml`,
which maps each alias to its thread.
"""

from __future__ import annotations

import fcntl
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import TaskDetail

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def task_file_path(folder: Path, alias: str) -> Path | None:
    """Where a task's file is, or would be; None when the alias cannot be a file name."""
    return folder / "tasks" / f"{alias}.md" if _FILE_NAME.fullmatch(alias) else None


def write_task_file(folder: Path, task: TaskDetail, body: str | None = None) -> Path | None:
    """Write the file unless it exists, with this body if given; return its path, or None when the alias
    cannot be a file name.

    Raises OSError.
    """
    path = task_file_path(folder, task.alias)
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(task_document(task) if body is None else body)
    except FileExistsError:
        pass
    return path


def task_document(task: TaskDetail) -> str:
    """The file's initial text."""
    title = " ".join(task.goal.split())
    parts = [f"# {title}", f"- thread: {task.thread}\n- priority: {task.priority}"]
    if task.domain:
        parts[-1] += f"\n- domain: {task.domain}"
    if task.hypothesis:
        parts.append(f"## Hypothesis\n\n{task.hypothesis}")
    if task.criteria:
        parts.append("## Success criteria\n\n" + "\n".join(f"- [ ] {item}" for item in task.criteria))
    return "\n\n".join(parts) + "\n"


def remember_alias(folder: Path, alias: str, thread: str) -> None:
    """Record in `aliases.toml` that this alias means this thread; concurrent writers wait for each other.

    Raises OSError, and ValueError when the file is no longer TOML, which leaves it unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "aliases.toml"
    with (folder / ".aliases.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            known = tomllib.loads(path.read_text(encoding="utf-8")).get("aliases", {})
        except FileNotFoundError:
            known = {}
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path} is not TOML: {error}") from None
        lines = [f'"{name}" = "{where}"' for name, where in {**known, alias: thread}.items()]
        fresh = path.with_suffix(".new")
        fresh.write_text("\n".join(["[aliases]", *lines, ""]), encoding="utf-8")
        os.replace(fresh, path)
