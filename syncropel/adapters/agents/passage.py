"""One adapter's use of the gateway: a token for each attempt, valid while the attempt runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from syncropel.adapters.agents.metered import events_of
from syncropel.adapters.agents.options import Options
from syncropel.adapters.base import Job
from syncropel.adapters.gateway.attempt import Attempt, Upstream, new_token
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.gateway.dialects import Dialect
from syncropel.adapters.gateway.refusals import Refusal
from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable

log = logging.getLogger("syncropel.engine.gateway")

KEPT: Final = "gateway"
"""Member of a run's private data for a daemon that takes it over."""
_PROXIES: Final = ("NO_PROXY", "no_proxy")
_HERE: Final = "127.0.0.1"


class Route(Protocol):
    """How an agent reaches its model."""

    @property
    def keys(self) -> frozenset[str]:
        """Variables through which it could do so without the gateway."""
        ...

    @property
    def dialect(self) -> Dialect | None:
        """The API of its model; None: the gateway does not know it."""
        ...

    def through(self, url: str, token: str) -> tuple[list[str], dict[str, str]]:
        """More arguments and variables that make it call its model at this address with this token. No
        argument may contain the token: everybody on the machine can read them.
        """
        ...


class Passage:
    """Opens, takes over, and closes the attempts of one adapter."""

    def __init__(self, route: Route, dialect: Dialect, options: Options, gateway: Gateway) -> None:
        self._route = route
        self._prices = options.prices
        self._gateway = gateway
        self._upstream = Upstream(options.provider, options.provider_url, options.provider_key, dialect)
        self._attempts: dict[tuple[str, int], Attempt] = {}
        gateway.key_names.add(options.provider_key)

    @classmethod
    def of(
        cls, table: AdapterTable, route: Route, options: Options, gateway: Gateway | None
    ) -> Passage | None:
        """None where the config uses no gateway. Raises SetupError when the agent would get the key."""
        if not options.gateway:
            return None
        if (dialect := route.dialect) is None:
            raise SetupError(
                f"[adapters.{table.name}] gateway: the gateway does not know the API of its model",
                "remove the key; a budget is then held by what the agent says",
            )
        given = {*table.secrets, *table.env, *table.set}
        for name in sorted(given & (route.keys | {options.provider_key})):
            raise SetupError(
                f"[adapters.{table.name}] gives the agent {name!r}, which the gateway keeps from it",
                f"remove it from secrets, env and set; the gateway reads secrets/{options.provider_key}",
            )
        if gateway is None:
            raise SetupError(f"[adapters.{table.name}] gateway: there is no gateway here", "remove the key")
        return cls(route, dialect, options, gateway)

    def problem(self) -> str:
        """Why its agents' requests would fail; empty when no reason is known."""
        return self._gateway.problem(self._upstream)

    def open(
        self, job: Job, environment: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str], dict[str, Any]]:
        """Give the attempt a token: returns more arguments and variables for its program, and the run's
        private data.

        Raises SetupError when requests would fail.
        """
        if problem := self.problem():
            raise SetupError(problem)
        if not self._gateway.port:
            raise SetupError("the gateway does not listen", "start this instance again")
        token, sha256 = new_token()
        self._add(job, sha256)
        words, variables = self._route.through(self._gateway.url, token)
        direct = {name: ",".join(filter(None, (environment.get(name), _HERE))) for name in _PROXIES}
        kept = {KEPT: {"sha256": sha256, "port": self._gateway.port}}
        return words, {**direct, **variables}, kept

    def begin(self, job: Job, run: Path) -> None:
        """The attempt's run has this folder: from here on its agent may send requests."""
        self._attempts[job.child_thread, job.attempt].attach(run)

    def take_back(self, job: Job, kept: Mapping[str, Any], run: Path) -> None:
        """Continue an attempt of the previous daemon: its agent has the token, and uses the old port."""
        attempt = self._add(job, str(kept.get("sha256")))
        attempt.attach(run, job.events.get(events_of(run.name), 0))
        if kept.get("port") != self._gateway.port:
            told = f"the gateway is not at port {kept.get('port')} any more"
            log.error("run %s cannot ask its model: %s", run.name, told)
            attempt.close(Refusal("stopped", told, "gateway_moved"))

    def attempt(self, job: Job) -> Attempt | None:
        """The attempt of a running job."""
        return self._attempts.get((job.child_thread, job.attempt))

    def close(self, job: Job) -> None:
        """End the attempt's requests, and forget its token."""
        attempt = self._attempts.pop((job.child_thread, job.attempt), None)
        if attempt is not None:
            self._gateway.close(attempt)

    def _add(self, job: Job, sha256: str) -> Attempt:
        self.close(job)
        attempt = Attempt.of(job, self._upstream, sha256, self._prices)
        self._attempts[job.child_thread, job.attempt] = attempt
        self._gateway.open(attempt)
        return attempt
