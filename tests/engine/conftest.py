"""What holds for the tests of the engine, some of which run whole daemons in virtual time."""

from __future__ import annotations

from tests.known_routes import each_route_is_analysed_once

__all__ = ["each_route_is_analysed_once"]
