"""Typed HTTP client of a daemon, over its Unix socket or TCP.

The command line and the console use nothing else. `calls` says what can be asked; `Client` and `AsyncClient`
send it. The names stand in `__init__.pyi`; each is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
