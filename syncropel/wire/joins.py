"""The shorthands of a join, as help and messages name them; `folds.fanout.join` parses them."""

from __future__ import annotations

from typing import Final

SHORTHANDS: Final = "all, any, k_of_n:K"
