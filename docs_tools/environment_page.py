"""`reference/environment.md`: every variable that Syncropel reads, and every one set for goals."""

from __future__ import annotations

from typing import NamedTuple

from docs_tools.markdown import page, table


class Variable(NamedTuple):
    """One variable. `default`: the behaviour without it, as Markdown."""

    name: str
    meaning: str
    default: str = ""


READ = (
    Variable("SYNCROPEL_HOME", "The home of this instance: settings, log, keys, secrets.", "`~/.syncro`"),
    Variable("SYNCROPEL_DATA", "The folder of task files and aliases.", "`~/.syncro-data`"),
    Variable(
        "SPL_ACTOR",
        "The actor of the records that you write.",
        "`did:sync:user:` and the login name; over TCP the account of the token",
    ),
    Variable("SPL_URL", "The daemon to talk to over TCP. `--url` overrides it.", "this home's socket"),
    Variable(
        "SPL_TOKEN",
        "The bearer token for the daemon at `--url` or `SPL_URL`. A daemon removes it from its "
        "environment when it starts.",
        "the token that `spl token save` kept",
    ),
    Variable(
        "SPL_CA_FILE",
        "The certificate of the private CA that signs for the daemon at `--url` or `SPL_URL`; no other CA "
        "counts then.",
        "the CAs that the system trusts",
    ),
    Variable(
        "SPL_CONTEXT", "The context to talk to. `--context` and `--url` override it.", "the current one"
    ),
    Variable(
        "SPL_FLEET_COORDINATOR_URL",
        "Overrides `[fleet] coordinator_url` in `config.toml`; an empty value makes the instance a "
        "coordinator.",
        "the setting",
    ),
    Variable(
        "SPL_BOOTSTRAP_TOKEN",
        "A secret of 16 to 256 printable ASCII characters. A daemon without any account makes the account "
        "`sa-bootstrap-env` with the scope `admin` and this secret, and removes it from its environment.",
        "none",
    ),
    Variable(
        "SPL_BACKUP_PASSPHRASE",
        "The passphrase that seals and opens the keys in backups. `--passphrase-file` overrides it.",
        "`[backup] passphrase_file`, else `spl backup` asks",
    ),
    Variable(
        "SPL_STORE_PASSWORD",
        "The password for the database of `[store] url`. A daemon removes it from its environment when it "
        "starts.",
        "`[store] password_file`, else what PostgreSQL's own client library finds",
    ),
    Variable("NO_COLOR", "With any value, output has no colour.", "colour on a terminal"),
)

GIVEN = (
    Variable("SPL_CHILD_THREAD", "The thread of the subtask, for `--parent` and for queries."),
    Variable("SPL_ATTEMPT", "The number of the attempt, from 1."),
    Variable("SPL_HINT", "What `--hint` says of this attempt; empty without one."),
    Variable("SPL_MODEL", "The model that the subtask names, or the adapter's default; empty without one."),
    Variable("SPL_TASK_FILE", "The path of the task's file for a dispatched task; else empty."),
    Variable("SPL_BUDGET_USD", "What the attempt may cost in US dollars; empty without a budget."),
    Variable("SPL_COST_FILE", "The file to which a script appends what it spends, one amount a line."),
    Variable(
        "SPL_BRIEFING",
        "The path of a file with what was reported of the subtasks that this one depends on; else empty.",
    ),
    Variable(
        "SPL_PORT_BASE",
        "The first of the attempt's own TCP ports; not set unless its repository has `ports`.",
    ),
    Variable(
        "SPL_GATEWAY_TOKEN",
        "For codex behind the [gateway](../howto/gateway.md): the token of this attempt.",
    ),
    Variable(
        "SPL_MCP_URL",
        "For an agent with [tools of its fleet](../howto/mcp.md): where `spl mcp` calls its daemon.",
    ),
    Variable("SPL_MCP_TICKET", "For the same: the token of this attempt."),
    Variable("SPL_SCRIPT", "The path of the script that is run."),
    Variable("SPL_RUN", "The id of the run. It marks every process of a goal; leave it as it is."),
)

_READ_INTRO = "## What Syncropel reads"
_GIVEN_INTRO = """
## What a goal finds

Every adapter that runs a program sets these for it. The `bash` adapter also passes on the daemon's own
environment, without the variables whose names begin with `SPL_`; other programs, and all in
[a sandbox](../howto/isolation.md), are given what [`[adapters.NAME]`](adapters.md) names.
"""


def environment_page() -> str:
    read = table(("variable", "meaning", "without it"), [(f"`{n}`", m, d) for n, m, d in READ])
    given = table(("variable", "meaning"), [(f"`{n}`", m) for n, m, _ in GIVEN])
    return page(
        "Environment variables",
        "docs_tools/environment_page.py",
        _READ_INTRO,
        read,
        _GIVEN_INTRO.strip(),
        given,
    )
