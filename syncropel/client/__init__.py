"""Typed HTTP client of a daemon, over its Unix socket or TCP.

The command line and the console use nothing else. `calls` defines the requests; `Client` and `AsyncClient`
send them. `__init__.pyi` declares the names; each is imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
