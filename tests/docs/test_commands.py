"""`spl` takes every command in the documentation, and of each page it is said how far it is tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs_tools.cli_page import children
from syncropel.cli.support.parsing import COMMANDS, CommandParser, build_parser
from tests.documentation import PAGES, mentioned, name_of, steps

RUN = {
    "tutorial/first-fan-out.md": "tests/fleet/test_tutorial_pages.py",
    "tutorial/kill-switch-drill.md": "tests/fleet/test_tutorial_pages.py",
    "tutorial/real-repository.md": "tests/fleet/test_tutorial_pages.py",
}
"""Pages whose commands are typed on a fleet, with the test that does it."""

PARSED = {
    "README.md": "the tutorial runs the same commands",
    "concepts/fork.md": "tests/fleet/test_forks.py forks on a fleet",
    "howto/agents.md": "needs a coding agent and its account; tests/adapters has recordings of both",
    "howto/backup.md": "tests/drills/recovery.sh and tests/cli/test_backup.py restore",
    "concepts/link.md": "tests/api/test_link_door.py has a link refused, and allowed again",
    "howto/budgets.md": "its goals are scripts of the reader's own",
    "howto/bundles.md": "names a task of the reader's own; tests/api/test_bundles.py restores",
    "howto/consent.md": "needs two operators; tests/api/test_consents.py has each",
    "howto/gateway.md": "needs a coding agent and a key; tests/gateway and make agents have both without",
    "howto/isolation.md": "needs user namespaces; tests/supervisor/test_sandbox.py has them",
    "howto/database.md": "needs a database; tests/daemon/test_postgres.py and test_copy_tool.py have one",
    "howto/drain.md": "a drain of a fleet is run in tests/drain",
    "howto/join-a-host.md": "needs two hosts; tests/fleet/test_join_hosts.py has them",
    "howto/kill-switch-drill.md": "the tutorial runs it",
    "howto/lost-instance.md": "needs a lost instance; tests/fleet/test_moving_work.py loses one",
    "howto/merge.md": "names a task of the reader's own; tests/api/test_merge.py merges",
    "howto/review.md": "names a task of the reader's own; tests/api/test_reviews.py reviews",
    "howto/permissions.md": "locks out whoever is not Ada; tests/api/test_lockout.py has the cases",
    "howto/recover-a-task.md": "needs a task that failed; tests/cli/test_task_commands.py has each command",
    "howto/mcp.md": "needs an agent that adds subtasks; tests/api/test_added_subtasks.py has one",
    "howto/metrics.md": "installs an extra; tests/api/test_metrics.py reads every metric",
    "howto/questions.md": "needs an agent that asks; tests/api/test_questions.py and tests/fleet have one",
    "reference/connections.md": "opens a port to other hosts; tests/daemon/test_network.py does",
    "howto/replay.md": "names tasks of the reader's own; tests/api/test_replay.py replays",
    "howto/proxy.md": "needs a proxy",
    "howto/replace-a-coordinator.md": "needs a lost coordinator; tests/fleet/test_promote.py kills one",
    "howto/revoke-an-instance.md": "tests/api/test_credentials.py revokes one",
    "howto/rules.md": "its rules name tasks and scripts of the reader's own; tests/api has each kind",
    "howto/salvage-a-log.md": "damages a log; tests/daemon/test_salvage.py does so",
    "howto/several-fleets.md": "needs fleets on other machines; tests/cli has each command",
    "howto/simulate.md": "its plan is a file of the reader's own; tests/cli/test_simulate.py has each flag",
    "howto/service.md": "changes the system; tests/cli/test_service.py has each command",
    "howto/shell.md": "changes the shell; tests/daemon/test_completion.py and tests/cli/test_list_forms.py",
    "howto/stop-work.md": "the tutorial runs the same commands",
    "howto/upgrade.md": "tests/daemon stops a daemon under running work, and starts the next",
    "howto/watch-an-instance.md": "tests/cli/test_doctor_load.py has each command",
    "tutorial/two-agents.md": "needs claude and a login; `make agents` drives it with the same commands",
    "howto/webhooks.md": "needs somebody who hears it; tests/api/test_webhooks.py has a server",
    "reference/adapters.md": "names adapters of the reader's own; tests/adapters has each type",
    "reference/cli.md": "examples of syntax; each command has tests of its own",
    "reference/console.md": "needs a terminal; tests/fleet/test_console_terminal.py has one",
    "reference/expressions.md": "evaluates over a task of the reader's own",
}
"""Pages whose commands are only parsed, with the reason."""


def commands(page: Path) -> list[list[str]]:
    return [words for step in steps(page) if (words := step.spl) is not None]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_spl_takes_every_command_of_a_page(page: Path) -> None:
    for words in commands(page):
        if set(words) & {"-V", "--version", "--help"}:
            continue
        assert build_parser().parse_args(words), words


def test_each_page_with_commands_is_run_or_says_why_not() -> None:
    assert {name_of(page) for page in PAGES if commands(page)} == RUN.keys() | PARSED.keys()
    assert not RUN.keys() & PARSED.keys()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_command_in_a_line_of_prose_exists(page: Path) -> None:
    for text in mentioned(page):
        words = [word for word in text.split()[1:] if word[0].islower()]
        if not words or text.split()[1] != words[0]:
            continue
        assert words[0] in COMMANDS, text
        noun = children(build_parser())[words[0]]
        assert isinstance(noun, CommandParser)
        noun.configure()
        verbs = children(noun)
        if verbs and len(text.split()) > 2 and text.split()[2][0].islower():
            assert words[1] in verbs, text
