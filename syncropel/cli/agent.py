"""`spl agent`: let this machine's coding agents work on a repository."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel.cli.support.connect import import_client, this_home
from syncropel.cli.support.parsing import Parser, add_verb, verbs
from syncropel.cli.support.terminal import clean, complain, is_json, print_json, say, table
from syncropel.settings.home import Home, data_dir_from

if TYPE_CHECKING:
    from syncropel.launcher.agent_setup import Setup


def configure(parser: Parser) -> None:
    group = verbs(parser)
    setup = add_verb(
        group,
        "setup",
        "find claude, codex, gemini and opencode, and let them work on the repository of this folder",
        epilog="It writes [adapters.NAME] for each, and the repository's entry in [workspace.repos], into\n"
        "the coordinator's config.toml. What is there already stays as it is.\n"
        "With --ask, claude and codex need the programs claude-agent-acp and codex-acp.\n"
        "The entry has a gate command, such as the repository's tests: an attempt is accepted only\n"
        "when that passes in its worktree.\n"
        "It spends nothing and uses no network: a login is looked for, not tried.",
    )
    setup.add_argument("--name", metavar="NAME", default="", help="what subtasks call the repository")
    gates = setup.add_mutually_exclusive_group()
    gates.add_argument("--gate", metavar="COMMAND", type=_words, help="the gate command, such as 'make test'")
    gates.add_argument("--no-gate", dest="gate", action="store_const", const=[], help="no gate command")
    setup.add_argument(
        "--ask", action="store_true", help="have the agents ask before they edit or run something"
    )
    setup.add_argument("--overwrite", action="store_true", help="replace entries that are there already")
    setup.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")
    setup.set_defaults(run=run_setup)


def _words(text: str) -> list[str]:
    import argparse

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a command: {error}") from None
    if not words or not words[0]:
        raise argparse.ArgumentTypeError("the gate is empty; --no-gate has none")
    return words


def run_setup(args: Namespace) -> int:
    import_client()
    from syncropel.launcher.agent_setup import apply, commands, examine, free_alias

    home = this_home()
    chosen = {"name": args.name, "gate": args.gate, "ask": args.ask, "overwrite": args.overwrite}
    setup = examine(home, Path.cwd(), os.environ, **chosen)
    if not args.dry_run:
        apply(home, setup)
    for warning in setup.warnings:
        complain(f"warning: {warning}")
    typed = commands(setup, free_alias(data_dir_from(os.environ)))
    if is_json(args):
        print_json(_as_json(home, setup, typed, written=not args.dry_run))
        return 0
    say("Found:", *_found_lines(setup, ask=args.ask), "", *_change_lines(home, setup, dry_run=args.dry_run))
    say("", *_gate_lines(setup), "", *_isolation_lines(setup))
    say("", *_worker_lines(home, setup), "Next:", *(f"  {line}" for one in typed for line in one.split("\n")))
    return 0


def _found_lines(setup: Setup, *, ask: bool) -> list[str]:
    from syncropel.launcher.agent_clis import AGENTS, PACKAGES, program_of

    clis = {one.name: one for one in setup.clis}
    rows = []
    for name in AGENTS:
        if (cli := clis.get(name)) is None:
            program = program_of(name, asks=ask)
            rows.append([name, "-", f"not on PATH: npm install -g {PACKAGES[program]}"])
        else:
            rows.append(
                [name, cli.version or "version unknown", f"login {_login(cli.login.state)}: {cli.login.told}"]
            )
    rows.append(["repository", setup.repo, str(setup.path)])
    return [f"  {clean(line)}" for line in table(["WHAT", "VERSION", "NOTE"], rows)[1:]]


def _login(state: str) -> str:
    return "found, not tried" if state == "found" else state


def _change_lines(home: Home, setup: Setup, *, dry_run: bool) -> list[str]:
    does = "would add" if dry_run else "added"
    where = f"{home.display()}/{home.config.name}"
    lines = [f"{where}: {does} [{'.'.join(keys)}]{_told(value)}" for keys, value in setup.added.items()]
    lines += [f"{where}: kept [{'.'.join(keys)}], which is there already" for keys in setup.kept]
    return [clean(line) for line in lines]


def _gate_lines(setup: Setup) -> list[str]:
    """What has to hold for an attempt to be accepted."""
    if setup.gate is None:
        return ["Gate: none: what the agents leave is accepted as they say; set one: --gate COMMAND"]
    command = clean(shlex.join(setup.gate.words))
    return [
        f"Gate: {command} ({setup.gate.told})",
        "  It must pass in an attempt's worktree, which has no ignored files, or the attempt is rejected.",
        *(
            ["  It runs code that the agent wrote, as your user, outside of the agent's sandbox."]
            if setup.isolation != "sandbox"
            else []
        ),
    ]


def _isolation_lines(setup: Setup) -> list[str]:
    """What contains the agents."""
    if setup.isolation == "sandbox":
        works = "a trial of it failed" if setup.no_sandbox else "a trial of it worked"
        return [f"Isolation: sandbox, which holds the gate, too; {works}"]
    if setup.no_sandbox:
        return ["Isolation: none: agents can do what your user can", f"  {clean(setup.no_sandbox)}"]
    return [
        "Isolation: none: agents can do what your user can",
        '  A sandbox works here: isolation = "sandbox" in [adapters] (docs/howto/isolation.md)',
    ]


def _told(value: object) -> str:
    if not isinstance(value, dict):
        return f" = {value}"
    if "path" in value:
        return f" = {value['path']}"
    told = [f"{key} {value[key]}" for key in ("mode", "permissions") if key in value]
    told += [f"${value['default_budget_usd']:.2f} an attempt"]
    told += [f"model {value['model']}"] if "model" in value else []
    told += [f"passes {', '.join(value['env'])}"] if "env" in value else []
    return f": {', '.join(told)}"


def _worker_lines(home: Home, setup: Setup) -> list[str]:
    """What to do about existing workers that do not pick up the new settings by themselves."""
    from syncropel.launcher.agent_setup import workers_behind

    behind = workers_behind(home, setup)
    lines = [
        f"{one.alias} has its own [{'.'.join(keys)}], which stays: change it in the worker's config.toml"
        for one in behind
        for keys in one.own
    ]
    running = [one.alias for one in behind if one.running]
    if running:
        lines.append(f"first stop {', '.join(running)}, to start again as set: spl fleet stop --workers")
    return [*(clean(line) for line in lines), *([""] if lines else [])]


def _as_json(home: Home, setup: Setup, typed: list[str], *, written: bool) -> dict[str, object]:
    return {
        "config": str(home.config),
        "written": written and bool(setup.added),
        "agents": [
            {
                "name": one.name,
                "path": one.path,
                "version": one.version or None,
                "login": one.login.state,
                "login_note": one.login.told,
            }
            for one in setup.clis
        ],
        "repository": {
            "name": setup.repo,
            "path": str(setup.path),
            "gate": list(setup.gate.words) if setup.gate else None,
        },
        "isolation": {"kind": setup.isolation, "sandbox_problem": setup.no_sandbox},
        "added": [".".join(keys) for keys in setup.added],
        "kept": [".".join(keys) for keys in setup.kept],
        "warnings": list(setup.warnings),
        "next": typed,
    }
