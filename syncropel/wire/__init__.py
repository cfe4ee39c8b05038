"""The wire models: what the HTTP API answers. The client, the console and the OpenAPI document share them.

Times are unix seconds, durations seconds, money US dollars (all float), unless a name says otherwise.
The names stand in `__init__.pyi`; each is imported when it is first used, since a command needs few of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
