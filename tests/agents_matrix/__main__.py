"""`make agents`: install the command lines, run the matrix, print its table. Exits 1 when a row is wrong."""

import argparse
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from tests.agents_matrix.cases import AGENTS, SPECIAL, Row, run_plain
from tests.agents_matrix.fleet import Fleet
from tests.agents_matrix.model import Model

PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex"}


def main() -> int:
    """Run all."""
    parser = argparse.ArgumentParser(prog="make agents", description=__doc__)
    parser.add_argument("--clis", type=Path, help="a folder that holds the programs claude and codex")
    parser.add_argument("--only", nargs="*", default=[], help="cases to run: plain, or names of special ones")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agents-") as folder:
        base = Path(folder)
        programs = chosen.clis or install(base / "clis")
        rows = run(base / "home", {name: str(programs / name) for name in PACKAGES}, chosen.only)
        told = versions({name: str(programs / name) for name in PACKAGES})
    print(table(rows))
    print(told)
    return 1 if any(row.wrong for row in rows) else 0


def install(folder: Path) -> Path:
    """Install the command lines; the folder of their programs."""
    folder.mkdir()
    npm = ["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES.values()]
    subprocess.run(npm, cwd=folder, check=True)
    return folder / "node_modules" / ".bin"


def run(base: Path, programs: dict[str, str], only: list[str]) -> list[Row]:
    """The rows of all cases, on one fleet."""
    base.mkdir()
    model = Model()
    fleet = Fleet(base, model.url, programs)
    rows: list[Row] = []
    try:
        fleet.start()
        if not only or "plain" in only:
            rows += run_plain(fleet)
        for case in SPECIAL:
            for agent in AGENTS if not only or case.__name__ in only else ():
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


def versions(programs: dict[str, str]) -> str:
    """What the programs say of themselves."""
    told = [
        subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        for path in programs.values()
    ]
    return ", ".join(told)


if __name__ == "__main__":
    sys.exit(main())
