"""What the model answers: a prompt names a script with `play:NAME` or `play:NAME:ARGUMENT`."""

import re
from dataclasses import dataclass

MARK = re.compile(r"play:([a-z0-9-]+)(?::([A-Za-z0-9._-]+))?")
DONE = "All done."


@dataclass(frozen=True)
class Reply:
    """One answer: text, then perhaps one tool call. `fault`: how the answer goes wrong."""

    text: str = DONE
    run: str = ""
    """A shell command to ask for."""
    write: str = ""
    """A file to ask to be written."""
    pause: float = 0.0
    """Seconds between the pieces of the text."""
    status: int = 200
    again: int = 0
    """Seconds after which a refusal says to come again."""
    fault: str = ""


def reply(name: str, argument: str, results: int) -> Reply:
    """The answer to a request that has so many tool results behind its script's mark."""
    if name in ("500", "401", "429", "400", "529"):
        return Reply(status=int(name))
    if name == "quota":
        return Reply(status=429, again=int(argument or 3600))
    if name in ("stall", "cut", "garbage"):
        return Reply("This answer has no end.", fault=name)
    if name == "slow":
        return Reply("One word after the other. " * 20, pause=0.5)
    if name == "huge":
        return Reply("".join(f"Line {number} of very many.\n" for number in range(80_000)))
    if name == "turns" and results < int(argument or 30):
        return Reply(f"Turn {results + 1}.", run=f"echo turn {results + 1}")
    if results == 0 and name == "edit":
        return Reply("I write a file.", write=argument or "note.txt")
    if results == 0 and name == "long":
        return Reply("I run something long.", run=f"echo begun; sleep {argument or 20}; echo ended")
    return Reply()


def choose(texts: list[tuple[str, str]]) -> Reply:
    """The answer to a conversation: pairs of who speaks (`user`, `result`) and what is said."""
    chosen, results = ("", ""), 0
    for who, said in texts:
        marks = MARK.findall(said) if who == "user" else []
        if marks:
            chosen, results = marks[-1], 0
        elif who == "result":
            results += 1
    return reply(*chosen, results)
