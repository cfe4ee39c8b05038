"""`make agents`: install the agents, run the matrix, print its table. Exits 1 when a row is wrong."""

import argparse
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.agents_matrix import cases, configs, talks
from tests.agents_matrix.cases import Plain, Row, run_plain
from tests.agents_matrix.fleet import Fleet
from tests.agents_matrix.model import Model


@dataclass(frozen=True)
class Agent:
    """One of the agents. `node`: the oldest Node that its package supports; npm would install an old version
    of the package for another.
    """

    name: str
    package: str
    program: str
    node: int = 18


@dataclass(frozen=True)
class Part:
    """A part of the matrix, on a fleet of its own. `adapters`: of its workers' config."""

    name: str
    adapters: str
    agents: Sequence[Agent]
    plain: Sequence[Plain]
    special: Sequence[Callable[[Fleet, str], Row]]


PARTS = (
    Part(
        "headless",
        configs.HEADLESS,
        (Agent("claude", "@anthropic-ai/claude-code", "claude"), Agent("codex", "@openai/codex", "codex")),
        cases.PLAIN,
        cases.SPECIAL,
    ),
    Part(
        "talking",
        configs.TALKING,
        (
            Agent("claude-ask", "@agentclientprotocol/claude-agent-acp", "claude-agent-acp", 22),
            Agent("codex-ask", "@agentclientprotocol/codex-acp", "codex-acp"),
            Agent("gemini", "@google/gemini-cli", "gemini", 20),
            Agent("opencode", "opencode-ai", "opencode"),
        ),
        talks.PLAIN,
        talks.SPECIAL,
    ),
)


def main() -> int:
    """Run all."""
    parser = argparse.ArgumentParser(prog="make agents", description=__doc__)
    parser.add_argument("--clis", type=Path, help="a folder that holds the agents' programs")
    parser.add_argument("--part", choices=[one.name for one in PARTS], help="only this part")
    parser.add_argument("--agents", nargs="*", default=[], help="only these agents")
    parser.add_argument("--only", nargs="*", default=[], help="cases to run: plain, or names of special ones")
    chosen = parser.parse_args()
    rows: list[Row] = []
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="agents-") as folder:
        base = Path(folder)
        for part in PARTS:
            if chosen.part not in (None, part.name):
                continue
            wanted = [one for one in part.agents if not chosen.agents or one.name in chosen.agents]
            node = node_of(chosen.clis)
            agents = [one for one in wanted if one.node <= node]
            told += [
                f"not run: {one.name}: it needs Node {one.node}, and this is Node {node}"
                for one in wanted
                if one not in agents
            ]
            if agents:
                programs = chosen.clis or install(base / f"{part.name}-clis", agents)
                rows += run(base / part.name, part, [one.name for one in agents], programs, chosen.only)
                told.append(versions(agents, programs))
    print(table(rows))
    print("\n".join(told))
    return 1 if any(row.wrong for row in rows) else 0


def node_of(programs: Path | None) -> int:
    """The major version of the Node that agents are run with; 0 when there is none."""
    own = programs / "node" if programs else None
    program = str(own) if own and own.exists() else "node"
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except OSError:
        return 0
    return int(told.removeprefix("v").partition(".")[0])


def install(folder: Path, agents: Sequence[Agent]) -> Path:
    """Install the agents; the folder of their programs."""
    folder.mkdir()
    npm = ["npm", "install", "--no-audit", "--no-fund", "--silent", *(one.package for one in agents)]
    subprocess.run(npm, cwd=folder, check=True)
    return folder / "node_modules" / ".bin"


def run(base: Path, part: Part, agents: Sequence[str], programs: Path, only: list[str]) -> list[Row]:
    """The rows of all cases of a part, on one fleet."""
    base.mkdir()
    model = Model()
    fleet = Fleet(base, model.url, programs, part.adapters)
    rows: list[Row] = []
    try:
        fleet.start()
        if not only or "plain" in only:
            rows += run_plain(fleet, part.plain, agents)
        for case in part.special:
            for agent in agents if not only or case.__name__ in only else ():
                try:
                    rows.append(case(fleet, agent))
                except Exception as error:  # noqa: BLE001 - the other cases go on
                    traceback.print_exc()
                    rows.append(Row(case.__name__, agent, "", "", "", "", "", f"{error}"))
    finally:
        fleet.stop()
        model.close()
    return rows


def table(rows: list[Row]) -> str:
    """The rows in Markdown; what is wrong stands beneath."""
    lines = ["| case | agent | verdict | reason | tokens | cost | note |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row.case, row.agent, row.verdict, row.reason, row.tokens, row.cost, row.note]
        lines.append(f"| {' | '.join(cells)} |")
    wrong = [
        f"WRONG {row.case} {row.agent}: {row.verdict} {row.reason}: {row.wrong}" for row in rows if row.wrong
    ]
    return "\n".join([*lines, "", *wrong])


def versions(agents: Sequence[Agent], programs: Path) -> str:
    """What the programs say of themselves."""
    told = []
    for one in agents:
        words = [str(programs / one.program), "--version"]
        ran = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        told.append(f"{one.program} {ran.stdout.strip()}")
    return ", ".join(told)


if __name__ == "__main__":
    sys.exit(main())
