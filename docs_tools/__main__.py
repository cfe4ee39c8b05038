"""`python -m docs_tools`: write the generated pages of the reference."""

from __future__ import annotations

import sys

from docs_tools.pages import ROOT, stale


def main() -> int:
    """Write stale pages; with `--check` only name them, and exit 1 when there are any."""
    check = sys.argv[1:] == ["--check"]
    found = stale()
    for path, text in found.items():
        sys.stdout.write(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}\n")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
