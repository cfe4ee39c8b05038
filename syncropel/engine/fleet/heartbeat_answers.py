"""What a worker applies of its coordinator's answer to a heartbeat."""

from __future__ import annotations

from typing import Any

from syncropel.engine.control.control_adoption import ControlAdoption
from syncropel.engine.control.providers import Providers
from syncropel.engine.fleet.leading import Leading
from syncropel.engine.fleet.membership import Membership
from syncropel.engine.fleet.renewal import Renewal
from syncropel.engine.fleet.repointing import Repointing


class HeartbeatAnswers:
    """Applies answers (fields of the wire model `HeartbeatAnswer`)."""

    def __init__(
        self,
        providers: Providers,
        adoption: ControlAdoption,
        membership: Membership,
        repointing: Repointing,
        leading: Leading,
        renewal: Renewal,
    ) -> None:
        self._leading = leading
        self._renewal = renewal
        self._providers = providers
        self._adoption = adoption
        self._membership = membership
        self._repointing = repointing

    async def take(self, answer: dict[str, Any]) -> bool:
        """Apply an answer; return False when its control builds on a version that is no longer in force.

        Raises StaleTerm when another instance leads by now, StoreError when the log accepts nothing.
        """
        self._leading.check_answer(answer)
        records = answer.get("control")
        self._providers.answered(answer)
        message = {key: answer.get(key) for key in ("base", "replace", "grace")}
        taken = await self._adoption.take(
            {**message, "records": records if isinstance(records, list) else []}
        )
        if taken:
            coordinator = str(answer.get("coordinator", ""))
            self._repointing.heard(coordinator, str(answer.get("credential", "")))
            await self._leading.hear_coordinator(answer)
            self._renewal.answered(bool(answer.get("renew")), str(answer.get("renewed", "")))
            self._membership.let_in(coordinator)
        return taken
