"""The registry of topics: it has every topic that the code names, once, and says truly who reads it."""

from __future__ import annotations

import pkgutil
import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from syncropel import folds
from syncropel.record.model import ACTS
from syncropel.record.threads import RESERVED
from syncropel.record.topic import ANY, CHILD, DISPATCH, MERGE, PARENT, TASK, Topic
from syncropel.record.topics import TOPICS

NAMED = re.compile(r'Final = "((?:syncropel\.dispatch\.)?[a-z_]+(?:\.v1)?)"')


def test_a_topic_is_there_once() -> None:
    places = Counter((one.thread, one.name) for one in TOPICS)
    assert [place for place, times in places.items() if times > 1] == []


@pytest.mark.parametrize("one", TOPICS, ids=lambda one: one.name)
def test_a_topic_has_a_known_act_and_a_known_place(one: Topic) -> None:
    assert one.act in ACTS
    assert one.thread in RESERVED | {TASK, PARENT, CHILD, DISPATCH, MERGE, ANY}
    assert "engine" in one.authors
    assert one.meaning.endswith(".")


@pytest.mark.parametrize("one", TOPICS, ids=lambda one: one.name)
def test_each_fold_that_is_said_to_read_a_topic_names_it(one: Topic) -> None:
    for reader in one.readers:
        package = import_module(f"syncropel.folds.{reader}")
        paths = getattr(package, "__path__", None)
        names = [f"{package.__name__}.{info.name}" for info in pkgutil.iter_modules(paths)] if paths else []
        modules = [package, *map(import_module, names)]
        assert any(one.name in _words(vars(module)) for module in modules), reader


def _words(names: dict[str, object]) -> set[str]:
    """Every text that a module holds under a name, in tuples and in the keys of tables too."""
    found: set[str] = set()
    for value in names.values():
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict | tuple | set | frozenset):
            found |= {one for one in value if isinstance(one, str)}
    return found


def test_every_topic_that_a_fold_names_is_registered() -> None:
    known = {one.name for one in TOPICS}
    prefixes = (
        "fanout_",
        "fork_",
        "merge_",
        "aitl_",
        "task_",
        "namespace_",
        "consent_",
        "syncropel.dispatch.",
    )
    named = {
        word
        for path in Path(folds.__path__[0]).rglob("*.py")
        for word in NAMED.findall(path.read_text(encoding="utf-8"))
        if word.startswith(prefixes) and word != "syncropel.dispatch."
    }
    assert len(named) > 25
    assert named <= known
