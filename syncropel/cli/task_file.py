"""A task's content file, `tasks/<alias>.md` in the data folder: where its author writes on about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.api.schema import TaskDetail

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def write_task_file(folder: Path, task: TaskDetail) -> Path | None:
    """Write the file unless it exists; gives its path, or None when the alias cannot name a file.

    Raises OSError.
    """
    if not _FILE_NAME.fullmatch(task.alias):
        return None
    path = folder / "tasks" / f"{task.alias}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(task_document(task))
    except FileExistsError:
        pass
    return path


def task_document(task: TaskDetail) -> str:
    """The file's first text."""
    title = " ".join(task.goal.split())
    parts = [f"# {title}", f"- thread: {task.thread}\n- priority: {task.priority}"]
    if task.domain:
        parts[-1] += f"\n- domain: {task.domain}"
    if task.hypothesis:
        parts.append(f"## Hypothesis\n\n{task.hypothesis}")
    if task.criteria:
        parts.append("## Success criteria\n\n" + "\n".join(f"- [ ] {item}" for item in task.criteria))
    return "\n\n".join(parts) + "\n"
