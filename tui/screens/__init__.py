"""The screens, one per file, on a base with header, banner, filter, and footer.

`__init__.pyi` declares the names; each is imported on first use, so that the first screen waits for no other.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
