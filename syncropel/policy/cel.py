"""CEL expressions: compile with a useful error, evaluate within a budget.

Language: the Common Expression Language specification (cel-spec), as cel-python implements it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, Final

import celpy
import lark
from celpy import celtypes

from syncropel.errors import SyncropelError
from syncropel.policy.budget import Budget
from syncropel.policy.cache import CacheStats, ExpressionCache
from syncropel.policy.compiler import Compiler, Frame, Run
from syncropel.policy.names import Vocabulary, find_unknown
from syncropel.policy.syntax import BadLiteral, TooDeep, position
from syncropel.policy.values import ABSORBED, CelError, plain

MAX_SOURCE_CHARS: Final = 10_000
SLOW_SOURCE_CHARS: Final = 400
"""A source longer than this is compiled off the event loop: parsing costs about 20 µs a character."""

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
        self.problem = problem
        self.line = line
        self.column = column

    def envelope(self) -> dict[str, Any]:
        return {**super().envelope(), "line": self.line, "column": self.column}


class EvaluationFailed(SyncropelError):
    """Raised when a compiled expression has no value for these bindings."""

    code = "EVALUATION_FAILED"
    status = 422
    type = "invalid_request"


class Expression:
    """A compiled expression. Any number of threads may evaluate it at a time."""

    def __init__(self, source: str, run: Run, size: int) -> None:
        self.source = source
        self.size = size
        self._run = run

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """The value for these bindings (plain JSON values), as JSON again.

        Raises EvaluationFailed, or Runaway when it costs more than the budget.
        """
        return self.evaluate_lazily(bindings.__getitem__, {}, budget)

    def evaluate_lazily(
        self,
        load: Callable[[str], Any],
        functions: Mapping[str, Callable[..., Any]],
        budget: Budget | None = None,
    ) -> Any:
        """Like `evaluate`; `load` is asked for a name when the expression first comes to it.

        `functions` take and give plain values. What they raise of SyncropelError passes through.
        """
        frame = Frame(load, functions, budget or Budget())
        try:
            frame.budget.spend(self.size)
            value = self._run(frame)
            return bool(value) if isinstance(value, celtypes.BoolType) else plain(value, frame.budget)
        except ABSORBED as error:
            raise EvaluationFailed(_problem(error), "check the names of fields and their types") from None
        except (RecursionError, MemoryError):
            raise EvaluationFailed("the expression is too large", "simplify it") from None


def _problem(error: Exception) -> str:
    if isinstance(error, CelError):
        return str(error)
    if isinstance(error, ZeroDivisionError):
        return "divide by zero"
    if isinstance(error, TypeError):
        return "no such overload: these values are of types that do not go together"
    if isinstance(error, ValueError | OverflowError):
        return f"return error for overflow: {str(error)[:80]}"
    return str(error)[:200] or type(error).__name__


@lru_cache(maxsize=1)
def _environment() -> celpy.Environment:
    # One runner class a process: cel-python caches its parser with the tree type of the first one.
    return celpy.Environment(runner_class=celpy.InterpretedRunner)


_cache: Final[ExpressionCache[Expression]] = ExpressionCache()


def cache_stats() -> CacheStats:
    """What the cache of compiled expressions did since the process started."""
    return _cache.stats()


def compile_expression(source: str, vocabulary: Vocabulary) -> Expression:
    """Compile `source`, which may use only the names in `vocabulary`. Raises InvalidExpression."""
    _environment()  # made once a process, in 0.1 s: not what one compilation takes
    return _cache.get((source, vocabulary), partial(_compile, source, vocabulary))


def compiles_slowly(source: str, vocabulary: Vocabulary) -> bool:
    """Whether compiling this now would keep the event loop: it is long, and not in the cache."""
    return len(source) > SLOW_SOURCE_CHARS and (source, vocabulary) not in _cache


def _compile(source: str, vocabulary: Vocabulary) -> Expression:
    if not source.strip():
        raise InvalidExpression("the expression is empty", source, 1, 1, "true is the shortest there is")
    if len(source) > MAX_SOURCE_CHARS:
        raise InvalidExpression(
            f"{len(source)} characters are over the limit of {MAX_SOURCE_CHARS}", source[:80], 1, 1
        )
    tree = _parse(source)
    if (unknown := find_unknown(tree, vocabulary)) is not None:
        raise InvalidExpression(
            unknown.problem or f"unknown {unknown.what} {unknown.name!r}",
            source,
            unknown.line,
            unknown.column,
            f"known: {', '.join(sorted(unknown.known))}" if unknown.known else "",
        )
    compiler = Compiler()
    try:
        return Expression(source, compiler.compile(tree), compiler.size)
    except (BadLiteral, TooDeep) as error:
        raise InvalidExpression(str(error), source, *position(error.node)) from None


def _parse(source: str) -> Any:
    try:
        return _environment().compile(source)
    except celpy.CELParseError as error:
        line, column = error.line or 1, error.column or 1
        if line < 1 or column < 1:  # the parser says -1 where the text ends too early
            lines = source.rstrip().splitlines()
            line, column = len(lines), len(lines[-1]) + 1
        raise InvalidExpression("not a CEL expression", source, line, column) from None
    except lark.exceptions.LarkError:
        raise InvalidExpression("not a CEL expression", source, 1, 1) from None
    except RecursionError:
        raise InvalidExpression("the expression is nested too deeply", source, 1, 1) from None


evaluator: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cel")
"""The thread for expressions that may take longer than the event loop can wait."""
