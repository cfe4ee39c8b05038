"""Every application of a test has the same routes: what FastAPI finds out about one is found out once.

That is nearly all that an application costs, and it follows from the code of the route's function alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import params, routing
from fastapi.utils import create_model_field


@pytest.fixture(scope="session", autouse=True)
def each_route_is_analysed_once() -> Iterator[None]:
    """An application is made in a tenth of the time."""
    with routes_remembered():
        yield


@contextmanager
def routes_remembered() -> Iterator[None]:
    """In here, what was found out about a route is known when the next application is made."""
    analyse, make_field = routing._build_dependant_with_parameterless_dependencies, create_model_field
    analysed: dict[object, tuple[Any, list[Any], bool]] = {}
    made: dict[object, Any] = {}

    def analyse_once(
        *, path: str, call: Callable[..., Any], dependencies: Sequence[params.Depends]
    ) -> tuple[Any, list[Any], bool]:
        if dependencies:
            return analyse(path=path, call=call, dependencies=dependencies)
        key = (path, call.__code__)
        if key not in analysed:
            analysed[key] = analyse(path=path, call=call, dependencies=())
        dependant, body, embed = analysed[key]
        return replace(dependant, call=call), body, embed

    def make_once(name: str, type_: Any, mode: Any = "validation", **more: Any) -> Any:
        if more:
            return make_field(name, type_, mode=mode, **more)
        key = (name, type_, mode)
        if key not in made:
            made[key] = make_field(name, type_, mode=mode)
        return made[key]

    with (
        patch.object(routing, "_build_dependant_with_parameterless_dependencies", analyse_once),
        patch.object(routing, "create_model_field", make_once),
    ):
        yield
