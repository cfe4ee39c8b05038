"""Dialogs for everything that changes the fleet, one question per file, all on one base.

`__init__.pyi` declares the names; each is imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
