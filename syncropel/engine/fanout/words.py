"""What operators answered and said to attempts that run, and which instance has to be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from syncropel.engine.fanout.spawn import child_answer, child_say
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.talk import QUEUED
from syncropel.record.model import Record


class Word(NamedTuple):
    """One of them. `key`: the id of the operator's record; `make`: makes what its instance is sent."""

    key: str
    instance: str
    make: Callable[[], Record]


def words(fanout: FanOut, did: str) -> Iterator[Word]:
    """What was said and has reached nobody yet, in the name of the coordinator `did`. An attempt that has
    ended or must end is told nothing.
    """
    talk = fanout.talk
    for question in talk.waiting():
        answer, spawn = question.answer, fanout.spawns.get(question.slot)
        if answer is not None and spawn is not None and not fanout.over(question.slot):
            make = partial(child_answer, fanout, question, answer, did)
            yield Word(answer.record, spawn.instance, make)
    for message in talk.messages() if talk.said else ():
        spawn = fanout.spawns.get(message.slot)
        if message.state == QUEUED and spawn is not None and not fanout.over(message.slot):
            yield Word(message.record, spawn.instance, partial(child_say, fanout, message, spawn, did))
