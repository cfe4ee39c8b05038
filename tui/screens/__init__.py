"""The screens, one a file, on one base that gives all of them header, banner, filter and footer.

The names stand in `__init__.pyi`; each is imported when it is first used, so that the first screen waits for
no other.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
