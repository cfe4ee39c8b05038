"""CEL expressions: compile with a useful error, evaluate within a budget.

The language is the Common Expression Language, following its specification (cel-spec) and conformance cases.
The parser is cel-python's; values and evaluation are ours, since its own runners evaluate both sides of `&&`,
convert every binding completely, and cannot be stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from syncropel.cel.budget import Budget
from syncropel.cel.cache import CacheStats, ExpressionCache
from syncropel.cel.compiler import Compiler
from syncropel.cel.frame import Frame, Run
from syncropel.cel.grammar import grammar
from syncropel.cel.names import Vocabulary, find_unknown
from syncropel.cel.parser import parse
from syncropel.cel.syntax import BadCall, BadSyntax, position
from syncropel.cel.values import CelError, kind_of, plain
from syncropel.errors import SyncropelError

log = logging.getLogger("syncropel.policy.cel")

MAX_SOURCE_CHARS: Final = 10_000
SLOW_SOURCE_CHARS: Final = 400
"""A longer source is compiled off the event loop: parsing costs about 20 µs per character."""


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
    """A compiled expression. Any number of threads may evaluate it at once."""

    def __init__(self, source: str, run: Run, size: int) -> None:
        self.source = source
        self.size = size
        self._run = run

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """The value for these bindings (plain JSON values), as JSON again.

        Raises EvaluationFailed, or Runaway when it exceeds the budget.
        """
        return self.evaluate_lazily(bindings.__getitem__, {}, budget)

    def evaluate_lazily(
        self,
        load: Callable[[str], Any],
        functions: Mapping[str, Callable[..., Any]],
        budget: Budget | None = None,
    ) -> Any:
        """Like `evaluate`; `load` is called for a name when the expression first needs it.

        `functions` take and return plain values. Any SyncropelError they raise passes through.
        """
        return self.evaluate_typed(load, functions, budget)[0]

    def evaluate_typed(
        self,
        load: Callable[[str], Any],
        functions: Mapping[str, Callable[..., Any]],
        budget: Budget | None = None,
    ) -> tuple[Any, str]:
        """Like `evaluate_lazily`, with the CEL name of the value's type."""
        frame = Frame(load, functions, budget or Budget())
        try:
            frame.budget.spend(self.size)
            value = self._run(frame)
            if value is True or value is False:
                return value, "bool"
            return plain(value, frame.budget), kind_of(value)
        except CelError as error:
            raise EvaluationFailed(str(error), "check the names of fields and their types") from None
        except (RecursionError, MemoryError):
            raise EvaluationFailed("the expression is too large", "simplify it") from None
        except SyncropelError:
            raise
        except Exception:
            # Functions should raise nothing else. If one does, only this evaluation fails.
            log.exception("internal error in an expression", extra={"expression": self.source})
            raise EvaluationFailed("internal error in the expression", "see the log") from None


_cache: Final[ExpressionCache[Expression]] = ExpressionCache()


def cache_stats() -> CacheStats:
    """Statistics of the expression cache since the process started."""
    return _cache.stats()


def compile_expression(source: str, vocabulary: Vocabulary, *, strict: bool = False) -> Expression:
    """Compile `source`, which may use only the names in `vocabulary`. Raises InvalidExpression.

    `strict`: comparing values of unlike types fails, which reveals mistakes.
    """
    grammar()  # built once per process, in 0.1 s, which is not part of one compilation
    key = (source, vocabulary, strict)
    return _cache.get(key, partial(_compile, source, vocabulary, strict))


def compiles_slowly(source: str, vocabulary: Vocabulary) -> bool:
    """Whether compiling this now would block the event loop: it is long, and not in the cache."""
    return len(source) > SLOW_SOURCE_CHARS and (source, vocabulary, False) not in _cache


def _compile(source: str, vocabulary: Vocabulary, strict: bool) -> Expression:
    if not source.strip():
        raise InvalidExpression("the expression is empty", source, 1, 1, "true is the shortest there is")
    if len(source) > MAX_SOURCE_CHARS:
        raise InvalidExpression(
            f"{len(source)} characters are over the limit of {MAX_SOURCE_CHARS}", source[:80], 1, 1
        )
    try:
        tree = parse(source)
        unknown = find_unknown(tree, vocabulary)
        if unknown is not None:
            raise InvalidExpression(
                unknown.problem or f"unknown {unknown.what} {unknown.name!r}",
                source,
                *position(source, unknown.at),
                f"known: {', '.join(sorted(unknown.known))}" if unknown.known else "",
            )
        compiler = Compiler(strict)
        return Expression(source, compiler.compile(tree), compiler.size)
    except BadSyntax as error:
        raise InvalidExpression(str(error), source, *position(source, error.at)) from None
    except BadCall as error:
        raise InvalidExpression(str(error), source, *position(source, error.node.at)) from None
