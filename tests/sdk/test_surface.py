"""The published client's names and signatures, as they were recorded (`published.json`), are all there."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import syncropel

PUBLISHED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "published.json").read_text())
OURS = {"Client.__init__": ", strict=False"}
"""What ours takes beside the published parameters, always by name and with a default."""
OWN_MAKING = ("ClientData", "ClientMembership", "Subscription")
"""Made by a client, and by nobody else: their constructors are our own."""


def signature(function: Any) -> str:
    """Names, defaults and the star before those that go by name only."""
    words, starred = [], False
    for one in inspect.signature(function).parameters.values():
        if one.name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            words.append("*")
        starred = starred or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        mark = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        sentinel = type(one.default) is object
        default = "" if one.default is one.empty else "=..." if sentinel else f"={one.default!r}"
        words.append(f"{mark}{one.name}{default}")
    return f"{'async ' if inspect.iscoroutinefunction(function) else ''}({', '.join(words)})"


def fields(cls: Any) -> str:
    def default(one: dataclasses.Field[Any]) -> str:
        if one.default_factory is not dataclasses.MISSING:
            return f"={one.default_factory()!r}"
        return "" if one.default is dataclasses.MISSING else f"={one.default!r}"

    return ", ".join(f"{one.name}{default(one)}" for one in dataclasses.fields(cls))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_name_is_what_it_was(name: str) -> None:
    told, found = PUBLISHED[name], getattr(syncropel, name)
    if told["is"] == "function":
        assert signature(found) == told["signature"]
    elif told["is"] == "class":
        assert {one.__name__ for one in found.__mro__} >= set(told["bases"])
        if "fields" in told:
            assert (fields(found), found.__dataclass_params__.frozen) == (told["fields"], told["frozen"])
        elif "members" in told:
            assert issubclass(found, enum.Enum)
            assert [one.value for one in found] == told["members"]
        elif told["init"] and name not in OWN_MAKING:
            assert signature(found) == f"({told['init']}{OURS.get(f'{name}.__init__', '')})"
    else:
        assert type(found).__name__ == told["is"]


METHODS = [(name, method) for name, told in PUBLISHED.items() for method in told.get("methods", ())]


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_a_published_method_is_what_it_was(name: str, method: str) -> None:
    told, found = PUBLISHED[name]["methods"][method], inspect.getattr_static(getattr(syncropel, name), method)
    if told == "property":
        assert isinstance(found, property)
    else:
        assert signature(getattr(getattr(syncropel, name), method)) == told


def test_every_name_is_public_typed_and_documented() -> None:
    stub = ast.parse((Path(syncropel.__file__).with_suffix(".pyi")).read_text())
    typed = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(vars(syncropel)["__all__"]) >= set(PUBLISHED)
    homes = {node.module for node in stub.body if isinstance(node, ast.ImportFrom)}
    assert homes == set(vars(syncropel)["_HOMES"])
    for name in typed:
        found = getattr(syncropel, name)
        assert found.__doc__, name
        assert name in dir(syncropel)


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'syncropel' has no attribute 'Cleint'"):
        syncropel.Cleint  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="Cleint"):
        exec("from syncropel import Cleint", {})


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import syncropel\n"
        "print(*sorted(set(sys.modules) - before))\n"
        "from syncropel import Client, Identity\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    first, then = (set(line.split()) for line in ran.stdout.splitlines())
    assert first == {"syncropel"}
    server = {
        "fastapi",
        "uvicorn",
        "syncropel.engine",
        "syncropel.store",
        "syncropel.policy",
        "syncropel.folds",
    }
    assert not then & {*server, "textual", "aiohttp"}
