"""`make demo-postgres`: a daemon with its log in PostgreSQL, whose database is killed under it.

It needs PostgreSQL's programs, and uses a cluster of its own in a temporary folder.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.place import environ_in
from syncropel.settings.home import Home
from tests.postgres_server import Server, programs


def main() -> int:
    """Gives the exit status: 0 when every record that was answered is in the log."""
    found = programs()
    if found is None:
        print("PostgreSQL is not installed here: .ci/packages installs it", file=sys.stderr)
        return 1
    server = Server(found, durable=True)
    try:
        server.start()
        with tempfile.TemporaryDirectory(prefix="spl-demo-", ignore_cleanup_errors=True) as folder:
            return _shown(server, Path(folder))
    finally:
        server.close()


def _shown(server: Server, folder: Path) -> int:
    home = Home(folder / ".syncro")
    home.path.mkdir(mode=0o700)
    home.config.write_text(f'[store]\nurl = "{server.url()}"\n[server]\nport = 0\n', encoding="utf-8")
    environ = {**environ_in(folder), "SYNCROPEL_HOME": str(home.path)}
    _spl(environ, "serve")
    try:
        _spl(environ, "status")
        _spl(environ, "task", "add", "before the crash")
        print("\n# kill -9 of the database")
        server.stop(signal.SIGKILL)
        _spl(environ, "task", "add", "while it is down")
        print("\n# the database starts again, and recovers")
        server.start()
        _spl(environ, "task", "add", "after the crash")
        _spl(environ, "task", "list")
        return _spl(environ, "store", "verify")
    finally:
        _spl(environ, "stop")


def _spl(environ: dict[str, str], *words: str) -> int:
    print(f"\n$ spl {' '.join(words)}", flush=True)
    spl = [str(Path(sys.executable).with_name("spl")), *words]
    return subprocess.run(spl, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
