"""The wire models: the HTTP API's answers, shared by the client, the console, and the OpenAPI document.

Times are unix seconds, durations seconds, money US dollars (all float), unless a name says otherwise.
`__init__.pyi` declares the names; each is imported on first use, since a command needs few of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
