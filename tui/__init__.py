"""The operator console: a full-screen view of a fleet, drawn with Textual.

It knows the daemon by its HTTP API alone. `tui.app.run` opens it.
"""

import os

# Textual chooses its colour filter from the theme that its import finds. Under NO_COLOR it must find an ANSI
# theme, and every module of this package imports Textual after this line.
if os.environ.get("NO_COLOR") is not None:
    os.environ["TEXTUAL_THEME"] = "ansi-dark"
