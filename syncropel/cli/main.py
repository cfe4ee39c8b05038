"""The entry point of `spl`: runs a command and turns every outcome into an exit code.

0 done · 1 failed · 2 invalid usage · 130 interrupted · 141 the reader of the output is gone.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

from syncropel.cli.support.documents import OF_ERRORS
from syncropel.cli.support.parsing import UsageError, build_parser
from syncropel.cli.support.terminal import (
    OutputFailed,
    choose_form,
    complain,
    finish,
    prepare_streams,
    tell_errors_as_json,
)
from syncropel.errors import SyncropelError

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
_HINTS: Final = {
    "UNAUTHORIZED": "save one: spl token save <bearer>; or set SPL_TOKEN; or leave out --url; "
    "of a context: spl context token NAME --token-stdin"
}
"""Hints where the command line knows better than the API what to do."""
_USAGE_CODES: Final = frozenset({"USAGE", "BAD_REQUEST", "INVALID_FANOUT", "INVALID_ORIGIN", "INVALID_QUERY"})
"""Invalid input, whether the command line detects it or the daemon does."""


_YOUNG_OBJECTS: Final = 20_000
"""How many new containers there are before the collector looks at them: a short command makes no garbage that
it would find, and Python's 700 come with every other import."""


def process() -> int:
    """Run `spl` as a process that ends with the command. Raises as `main`."""
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    try:
        return main()
    finally:
        gc.freeze()  # Python looks through everything at its end, which takes longer than most answers do


def main(argv: Sequence[str] | None = None) -> int:
    """Run `spl` with these arguments (the process's own by default). It raises only SystemExit,
    for `--help`."""
    prepare_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    tell_errors_as_json(_wants_json(words))
    try:
        code = _run(words)
        finish()
    except OutputFailed as error:
        _silence_stdout()
        complain(error.message, error.hint, error=error)
        return FAILED
    except SyncropelError as error:
        complain(error.message, _HINTS.get(error.code, error.hint), error=error)
        return USAGE if error.code in _USAGE_CODES else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        return _crashed(error)
    return code


def _run(words: list[str]) -> int:
    for word in words:
        if not word.isprintable() and _has_stray_bytes(word):
            raise UsageError("an argument is not valid UTF-8", "check the terminal's encoding")
    parser = build_parser()
    args = parser.parse_args(words)
    if args.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    choose_form(args)
    if getattr(args, "watch_secs", None):
        from syncropel.cli.support.watching import watch

        return watch(args)
    code: int = args.run(args)
    return code


def _wants_json(words: list[str]) -> bool:
    """Whether a form for programs is among these arguments, which may otherwise be invalid."""
    pairs = zip(words, [*words, ""][1:], strict=True)
    return any(
        (word in ("-o", "--output") and after in OF_ERRORS)
        or (word.startswith("-o") and word[2:] in OF_ERRORS)
        or word.removeprefix("--output=") in OF_ERRORS - {word}
        for word, after in pairs
    )


def _has_stray_bytes(word: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in word)


def _silence_stdout() -> None:
    # Python flushes stdout once more at exit, and would report the same broken pipe again.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None


def _crashed(error: Exception) -> int:
    try:
        from syncropel.cli.support.crash import write_crash

        place = write_crash(error)
    except Exception:  # noqa: BLE001 - a crash report must not crash
        place = ""
    message = " ".join(str(error).split())[:200]
    complain(
        f"unexpected {type(error).__name__}{': ' if message else ''}{message}",
        f"this is a bug; the details are in {place}" if place else "this is a bug; please report it",
    )
    return FAILED


if __name__ == "__main__":
    sys.exit(process())
