"""Label selectors, as `-l docs,!draft,team=web`: what a task's labels have to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from syncropel.cli.support.parsing import UsageError

Matches = Callable[[Iterable[str]], bool]


def parse_selector(text: str) -> Matches:
    """A test of labels, from terms that all have to hold. `docs`: has this label; `!docs`: has it not.

    A label with a value is written `team=web`; `team==web` means the same, and `team!=web` that it is not
    there. Raises UsageError for an empty term.
    """
    terms = [_term(one.strip(), text) for one in text.split(",")]

    def matches(labels: Iterable[str]) -> bool:
        present = set(labels)
        return all((label in present) is wanted for label, wanted in terms)

    return matches


def _term(text: str, whole: str) -> tuple[str, bool]:
    wanted, label = True, text
    if text.startswith("!"):
        wanted, label = False, text[1:].strip()
    elif "!=" in text:
        key, _, value = text.partition("!=")
        wanted, label = False, f"{key.strip()}={value.strip()}"
    elif "=" in text:
        key, _, value = text.replace("==", "=", 1).partition("=")
        label = f"{key.strip()}={value.strip()}"
    if not label or label.startswith("="):
        raise UsageError(f"invalid selector {whole!r}", "such as: docs,!draft,team=web")
    return label, wanted
