"""What attempts that run are told, and on which instance: what operators answered and said, and what became
of the subtasks that they asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from syncropel.engine.fanout.spawn import child_addition, child_answer, child_say
from syncropel.folds.fanout.state import FanOut, Spawn
from syncropel.folds.fanout.talk import QUEUED
from syncropel.record.model import Record


class Word(NamedTuple):
    """One of them. `key`: the id of the operator's record, or of the request; `make`: makes what its instance
    is sent.
    """

    key: str
    instance: str
    make: Callable[[], Record]


def words(fanout: FanOut) -> Iterator[Word]:
    """What was said and has reached nobody yet, in the name of the coordinator that spawned the attempt. One
    that has ended or must end is told nothing.
    """
    talk = fanout.talk
    for question in talk.waiting():
        answer, spawn = question.answer, fanout.spawns.get(question.slot)
        if answer is not None and spawn is not None and not fanout.over(question.slot):
            make = partial(child_answer, fanout, question, answer, spawn.actor)
            yield Word(answer.record, spawn.instance, make)
    for message in talk.messages() if talk.said else ():
        spawn = fanout.spawns.get(message.slot)
        if message.state == QUEUED and spawn is not None and not fanout.over(message.slot):
            yield Word(message.record, spawn.instance, partial(child_say, fanout, message, spawn))
    for slot, spawn in fanout.unreported.items() if fanout.additions.by_intend else ():
        asked = fanout.additions.by_intend.get(spawn.child_intend)
        if asked and not fanout.over(slot):
            yield from _decided(fanout, slot, spawn, asked)


def _decided(fanout: FanOut, slot: tuple[int, int], spawn: Spawn, asked: set[str]) -> Iterator[Word]:
    additions = fanout.additions
    for about in sorted(asked & additions.decided.keys()):
        request = additions.asked[about]
        if request.slot == slot:
            make = partial(child_addition, fanout, request, additions.decided[about], spawn.actor)
            yield Word(about, spawn.instance, make)
