"""CEL expressions: compile with a useful error, evaluate without blocking the caller's loop.

Language: the Common Expression Language specification (cel-spec), as cel-python implements it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final

import celpy
from celpy import celtypes

from syncropel.errors import SyncropelError
from syncropel.policy.names import Vocabulary, find_unknown

MAX_SOURCE_CHARS: Final = 10_000
CACHE_SIZE: Final = 1024

# cel-python reports what an expression did wrong on its own logger before it raises; the caller decides.
logging.getLogger("celpy").setLevel(logging.CRITICAL)
for _name in ("Evaluator", "evaluation", "Environment", "celtypes", "InterpretedRunner", "CompiledRunner"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class InvalidExpression(SyncropelError):
    """Raised when an expression does not compile; `line` and `column` count from 1."""

    code = "INVALID_EXPRESSION"
    status = 422
    type = "invalid_request"

    def __init__(self, problem: str, source: str, line: int, column: int, hint: str = "") -> None:
        lines = source.splitlines() or [""]
        shown = lines[min(line, len(lines)) - 1]
        caret = f"  {shown}\n  {' ' * (column - 1)}^"
        super().__init__(f"{problem} at line {line}, column {column}", f"{caret}\n{hint}".rstrip())
        self.line = line
        self.column = column


class EvaluationFailed(SyncropelError):
    """Raised when a compiled expression has no value for these bindings."""

    code = "EVALUATION_FAILED"
    status = 422
    type = "invalid_request"


class Expression:
    """A compiled expression. Evaluate on one thread at a time."""

    def __init__(self, source: str, program: celpy.Runner) -> None:
        self.source = source
        self._program = program

    def evaluate(self, bindings: Mapping[str, Any]) -> Any:
        """The value for these bindings (plain JSON values). Raises EvaluationFailed."""
        try:
            converted = {name: celpy.json_to_cel(value) for name, value in bindings.items()}
            value = self._program.evaluate(converted)
        except celpy.CELEvalError as error:
            raise EvaluationFailed(_eval_problem(error), "check the names of fields") from None
        except RecursionError:
            raise EvaluationFailed("the expression is nested too deeply", "simplify it") from None
        if isinstance(value, celpy.CELEvalError):
            raise EvaluationFailed(_eval_problem(value), "check the names of fields")
        return bool(value) if isinstance(value, celtypes.BoolType) else value


def _eval_problem(error: Exception) -> str:
    texts: list[str] = []
    _collect_texts(error.args, texts)
    texts = [text for text in texts if text != "evaluation error"]
    return texts[0] if texts else str(error)


def _collect_texts(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, tuple | list):
        for item in value:
            _collect_texts(item, found)
    elif isinstance(value, Exception):
        _collect_texts(value.args, found)


@lru_cache(maxsize=1)
def _environment() -> celpy.Environment:
    # One runner class a process: cel-python caches its parser with the tree type of the first one.
    return celpy.Environment(runner_class=celpy.CompiledRunner)


@lru_cache(maxsize=CACHE_SIZE)
def compile_expression(source: str, vocabulary: Vocabulary) -> Expression:
    """Compile `source`, which may use only the names in `vocabulary`. Raises InvalidExpression."""
    if len(source) > MAX_SOURCE_CHARS:
        raise InvalidExpression(
            f"{len(source)} characters are over the limit of {MAX_SOURCE_CHARS}", source[:80], 1, 1
        )
    environment = _environment()
    try:
        tree = environment.compile(source)
    except celpy.CELParseError as error:
        line, column = max(1, error.line or 1), max(1, error.column or 1)
        raise InvalidExpression("not a CEL expression", source, line, column) from None
    except RecursionError:
        raise InvalidExpression("the expression is nested too deeply", source, 1, 1) from None
    if (unknown := find_unknown(tree, vocabulary)) is not None:
        raise InvalidExpression(
            f"unknown {unknown.what} {unknown.name!r}",
            source,
            unknown.line,
            unknown.column,
            f"known: {', '.join(sorted(unknown.known))}",
        )
    return Expression(source, environment.program(tree))


evaluator: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cel")
"""The one thread that expressions are evaluated on: cel-python's compiled programs are not re-entrant."""
