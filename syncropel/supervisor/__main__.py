"""`python -I -S …/syncropel/supervisor/__main__.py FOLDER WORD…`: be the supervisor of one run."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Python runs isolated, so this package is not on the path. The standard library stays ahead of it.
    sys.path.append(os.path.abspath(f"{os.path.dirname(__file__)}/../.."))
    from syncropel.supervisor.main import serve

    serve(sys.argv[1], sys.argv[2:])
