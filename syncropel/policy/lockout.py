"""Whether a change of the permission rules would lock out the daemon, or every person who could undo it.

This is checked when permissions are switched on, and when a rule is removed or rewritten while they are on.
Adding a rule is not checked: whoever adds a denial means it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from syncropel.errors import Conflict
from syncropel.folds.control.access import ACCOUNT_DID_PREFIX
from syncropel.folds.control.rules import ENABLED_TOPIC, OPS, PERMISSION, Rules
from syncropel.policy.evaluation_functions import Folds
from syncropel.policy.permissions import Request, decide
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG, INSTANCE_DID_PREFIX

DEFAULT_OPERATOR: Final = "did:sync:user:operator"
_PERSON: Final = re.compile(r"did:sync:user:[^\s\"'\\]+")
_MOST_PEOPLE: Final = 32
"""How many of the people named in rules are checked."""
_Shut = tuple[str, list[str]]
"""An actor, and the operations that they are denied."""


def may_lock_out(record: Record, rules: Rules, elsewhere: Collection[str] = ()) -> bool:
    """Whether `refuse_lockout` has to check this record, with its `elsewhere`."""
    if record.thread != ENGINE_CONFIG or record.act != "LEARN":
        return False
    if record.topic == ENABLED_TOPIC:
        return record.body.get("enabled") is True
    name = record.body.get("name")
    return (
        (rules.enforced or bool(elsewhere))
        and record.topic == PERMISSION
        and isinstance(name, str)
        and (PERMISSION, name) in rules.known
    )


async def refuse_lockout(
    record: Record,
    rules: Rules,
    folds: Folds,
    now: float,
    own_did: str,
    elsewhere: Collection[str] = (),
) -> Conflict | None:
    """Why this record may not change the rules, or None. Whoever is locked out already does not count.

    `elsewhere`: DIDs of workers that enforce the rules, too. Their own rules are not known.
    """
    after = rules.after(record)
    if after.enforced:
        look = _Look(record, folds, now, own_did)
        whoms = (look.people, look.daemon) if rules.enforced else (look.daemon, look.people)
        for whom in whoms:
            shut = await whom(after)
            if shut and not (rules.enforced and await whom(rules)):
                return _refusal(record, "the operator" if whom == look.people else "this daemon", *shut)
    for did in elsewhere:
        look = _Look(record, folds, now, did)
        for whom in (look.people, look.daemon):
            shut = await whom(after)
            if shut and not await whom(rules):
                whose = f"the operator of {did}" if whom == look.people else f"the worker {did}"
                return _refusal(record, whose, *shut)
    return None


class _Look:
    """Who would be allowed, given one record. Methods return those who would not be, and for which
    operations.
    """

    def __init__(self, record: Record, folds: Folds, now: float, own_did: str) -> None:
        self._folds = folds
        self._now = now
        self._own_did = own_did
        asks_for_others = record.actor.startswith((INSTANCE_DID_PREFIX, ACCOUNT_DID_PREFIX))
        self._person = DEFAULT_OPERATOR if asks_for_others else record.actor

    async def daemon(self, rules: Rules) -> _Shut | None:
        """This daemon, if it is denied something."""
        denied = await self._denied(rules, self._own_did)
        return (self._own_did, denied) if denied else None

    async def people(self, rules: Rules) -> _Shut | None:
        """The person asking, if no known person is allowed everything."""
        shut: _Shut | None = None
        named = (name for rule in rules.permission_rules for name in _PERSON.findall(rule.expression))
        for person in dict.fromkeys([self._person, DEFAULT_OPERATOR, *islice(named, _MOST_PEOPLE)]):
            denied = await self._denied(rules, person)
            if not denied:
                return None
            shut = shut or (person, denied)
        return shut

    async def _denied(self, rules: Rules, actor: str) -> list[str]:
        """The operations on the config thread that these rules deny this actor."""
        found = []
        for op in OPS:
            record = None
            if op == "record_write":
                record = Record(ENGINE_CONFIG, actor, "LEARN", {"topic": ENABLED_TOPIC}, 0)
            request = Request(op, actor, ENGINE_CONFIG, record, frozenset({"default"}))
            verdict = await decide(rules.permission_rules, request, self._folds, self._now, self._own_did)
            if not verdict.allowed:
                found.append(op)
        return found


def _refusal(record: Record, whom: str, actor: str, denied: Sequence[str]) -> Conflict:
    what, hint = "enabling now", "allow them first:"
    if record.topic != ENABLED_TOPIC:
        removed = record.body.get("removed") is True
        name = record.body["name"]
        what = f"removing {name!r}" if removed else f"changing {name!r} so"
        hint = "allow them by another rule first, or switch off there: spl config permissions-disable"
    rule = "allow-daemon" if actor.startswith(INSTANCE_DID_PREFIX) else "operators"
    expression = f"current_actor() == '{actor}'"
    return Conflict(
        f"{what} would lock {whom} out: {', '.join(denied)} {'is' if len(denied) == 1 else 'are'} "
        f"not allowed for {actor}",
        f"{hint}\nspl config add-permission-rule {rule} --priority 1 --effect allow "
        f'--expression "{expression}"',
    )
