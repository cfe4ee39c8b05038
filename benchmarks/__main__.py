"""Run cases and print their tables."""

from __future__ import annotations

import sys

from benchmarks import (
    agents,
    appends,
    batches,
    blocking,
    commands,
    console,
    expressions,
    fanouts,
    guard,
    kill,
    links,
    memory,
    opening,
    permissions,
    replay,
    scale,
    stores,
    supervision,
)

CASES = {
    "appends": appends.run,
    "batches": batches.run,
    "stores": stores.run,
    "fanouts": fanouts.run,
    "commands": commands.run,
    "opening": opening.run,
    "console": console.run,
    "blocking": blocking.run,
    "memory": memory.run,
    "kill": kill.run,
    "freezes": kill.run_freezes,
    "links": links.run,
    "guard": guard.run,
    "permissions": permissions.run,
    "expressions": expressions.run,
    "replay": replay.run,
    "supervision": supervision.run,
    "agents": agents.run,
    "scale": scale.run,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in CASES]
    if unknown:
        print(f"no case {unknown[0]!r}; there are: {', '.join(CASES)}", file=sys.stderr)
        return 2
    for name in names or CASES:
        print(CASES[name]().text(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
