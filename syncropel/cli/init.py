"""`spl init`: create the home, the identity and the settings of this instance."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from syncropel.cli.support.connect import this_home
from syncropel.cli.support.parsing import Parser, add_output
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.errors import SetupError
from syncropel.settings.config import Settings, dump_settings, load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home


def configure(parser: Parser) -> None:
    add_output(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    home = this_home()
    make_home(home)
    identity = load_or_create_identity(home)
    write_default_settings(home)
    load_settings(home, {})
    if is_json(args):
        print_json({"home": str(home.path), "did": identity.did, "created": identity.created})
        return 0
    fresh = identity.created
    say(
        f"✓ {'created' if fresh else 'found'} {home.display()}",
        f"  identity: {identity.did}{'' if fresh else ' (existing)'}",
        f"  settings: {home.display()}/{home.config.name}",
        "",
        *(_former_backups() if fresh else ()),
        "Next:",
        "  spl serve --foreground        start the daemon here and see what it does",
        "  spl serve                     start it in the background",
        "  spl status                    see how it is",
        "  spl fleet start --workers 2   start a local fleet",
    )
    return 0


def _former_backups() -> list[str]:
    """Lines on backups of instances whose homes may be gone: a new identity finds none of its own."""
    from platformdirs import user_data_path

    from syncropel.daemon.belongings.beside import other_places
    from syncropel.daemon.belongings.places import archives

    usual = sorted(one for one in (user_data_path("syncropel") / "backups").glob("*") if one.is_dir())
    of_each = [_backups_in([one, *other_places(one)]) for one in usual]
    found = list(dict.fromkeys(backup for one in of_each for backup in one))
    if not found:
        return []
    newest = max(found, key=lambda one: one.stat().st_mtime)
    number = sum(bool(one) for one in of_each)
    parts = " --with-keys" if archives(newest.parent, "keys") else ""
    parts += " --with-config --with-data" if archives(newest.parent, "home") else ""
    return [
        f"Backups of {number} former {'instance' if number == 1 else 'instances'} are here:",
        *(f"  {one}" for one in found),
        f"  to go on with one, before you serve: spl backup restore {newest}{parts}",
        "",
    ]


def _backups_in(folders: list[Path]) -> list[Path]:
    return [path for one in folders if (path := one / "hub.db.bak").is_file()]


def write_default_settings(home: Home) -> None:
    """Write `config.toml` with every setting at its default, unless there is one."""
    try:
        with home.config.open("x", encoding="utf-8") as file:
            file.write(dump_settings(Settings()))
    except FileExistsError:
        return
    except OSError as error:
        raise SetupError(
            f"cannot write {home.config}: {error.strerror}", "check the folder's permissions"
        ) from None
