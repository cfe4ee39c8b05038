"""The topics that say who leads the fleet."""

from __future__ import annotations

from typing import Final

from syncropel.record.authors import ENGINE_ALONE
from syncropel.record.threads import INSTANCE_REGISTRY
from syncropel.record.topic import Topic

_PROMOTE: Final = "the operator promotes a worker: spl fleet promote WORKER"

OF_LEADERS: Final = (
    Topic(
        "leading",
        "KNOW",
        INSTANCE_REGISTRY,
        ENGINE_ALONE,
        "An instance leads the fleet in this term. Its actor is that instance.",
        "did, term, alias, address, proof?, former?, since, by?, at",
        ("fleet",),
        _PROMOTE,
    ),
    Topic(
        "leading_told",
        "KNOW",
        INSTANCE_REGISTRY,
        ENGINE_ALONE,
        "The former coordinator knows of this term (`acknowledged`), or an operator says that it is `gone`.",
        "term, did, how, by?, at",
        ("fleet",),
        "the former coordinator is gone for good: spl leader forget-former",
    ),
)
