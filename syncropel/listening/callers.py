"""Who calls over the Unix socket: the operator, a goal, or an unknown caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from syncropel.api.http.caller import NotOperator
from syncropel.listening.peer import Peer, peer_of
from syncropel.system import ancestry, own_addresses, tcp_owner
from syncropel.system.ancestry import Process, Table, Unreadable
from syncropel.system.tcp_owner import Address

log = logging.getLogger("syncropel.door")

LOOK_SECS: Final = 5.0
"""How long reading the environments of a caller and its ancestors may take."""
MAX_LOOKS: Final = 32
"""Lookups of one kind that may run at once."""
_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class Sight:
    """What the process table says about a caller. `kept_by`: the daemon or supervisor above it."""

    peer: Peer | None
    chain: list[Process]
    kept_by: Process | None = None
    problem: str = ""
    """Why the caller is unknown."""

    @property
    def is_stranger(self) -> bool:
        """Whether it is already certain that this is not the operator."""
        return bool(self.problem) or self.kept_by is not None

    def close(self) -> None:
        """Release the process handle."""
        if self.peer is not None:
            self.peer.close()


class Callers:
    """Identifies who made a connection. That is decided once per connection: the process that connected
    counts, whoever may hold the connection later.

    Call `look` when it is accepted, then `decide`; close the result in any case.
    """

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or ancestry.table()
        self._naming, self._checking = _Aside(), _Aside()
        self._goals: OrderedDict[int, list[Process]] = OrderedDict()

    def look(self, connection: socket.socket) -> Sight:
        """What is visible at once: whose process it is, and below which processes it runs. Takes half a
        millisecond.

        Raises OSError when there is no descriptor left to look with.
        """
        peer: Peer | None = None
        try:
            peer = peer_of(connection)
            if peer.pid == os.getpid():
                return Sight(peer, [])
            own = os.geteuid()
            if peer.uid not in (0, own):
                return Sight(peer, [], problem=f"PID {peer.pid} runs as uid {peer.uid}, the daemon as {own}")
            chain = self._lineage(peer.pid)
            self._must_live(peer, chain)
            kept_by = ancestry.keeper(chain)
            if kept_by is not None:
                self._remember(chain)
            return Sight(peer, chain, kept_by)
        except Unreadable as error:
            return Sight(peer, [], problem=str(error))
        except OSError:
            if peer is not None:
                peer.close()
            raise

    def _lineage(self, pid: int) -> list[Process]:
        """As `ancestry.lineage`, cached: a goal that calls often stays a goal, and is looked up less."""
        known = self._goals.get(pid)
        return known if known and self._table.look(pid) == known[0] else ancestry.lineage(pid, self._table)

    def _remember(self, chain: list[Process]) -> None:
        self._goals[chain[0].pid] = chain
        if len(self._goals) > _REMEMBERED:
            self._goals.popitem(last=False)

    async def decide(self, sight: Sight) -> NotOperator | None:
        """The caller; None for the operator. Raises OSError as `look`.

        Environments are not read on the event loop: a process can make reading its own take for ever.
        """
        if sight.peer is None or sight.problem:
            return NotOperator(sight.peer.pid if sight.peer else 0, problem=sight.problem)
        pid = sight.peer.pid
        if sight.kept_by is not None:
            thread = None
            with contextlib.suppress(OSError):  # TimeoutError is a subclass of OSError
                thread = await self._naming.run(
                    lambda: ancestry.attempt_of(sight.chain, sight.kept_by, self._table)
                )
            return NotOperator(pid, thread or "")
        if not sight.chain:
            return None
        try:
            who: NotOperator | None = await self._checking.run(lambda: self._check(sight, pid))
        except Unreadable as error:
            return NotOperator(pid, problem=str(error))
        except TimeoutError:
            return NotOperator(pid, problem=f"the environment of PID {pid} cannot be read in time")
        return who

    async def behind(self, near: Address, far: Address) -> NotOperator | None:
        """The goal that made this TCP connection from this machine, or a caller of whom nothing is known;
        None for any other. `near`: the caller's end.

        What an operator alone may do is refused to goals, whatever token they have found. Where the system
        does not tell, a token counts.
        """
        if not tcp_owner.can_tell():
            return None
        # The caller chooses its own end's address, so on 127.0.0.1 the daemon's end tells that it is here.
        here = far[0].startswith("127.")
        try:
            who: NotOperator | None = await self._checking.run(lambda: self._behind(near, far, here))
        except TimeoutError:
            return NotOperator(0, problem="who connected cannot be found out in time")
        except (OSError, Unreadable) as error:
            return NotOperator(0, problem=str(error))
        return who

    def _behind(self, near: Address, far: Address, here: bool) -> NotOperator | None:
        if not here and not own_addresses.is_ours(near[0]):
            return None
        if ":" in near[0]:
            return NotOperator(0, problem="a process of this machine connected over IPv6")
        owner = tcp_owner.owner_of(near, far)
        if owner is None:
            return NotOperator(0, problem="the process that connected is gone")
        if not owner.pids and owner.uid == os.geteuid():
            return NotOperator(0, problem="the system does not show the process that connected")
        for pid in owner.pids:
            chain = ancestry.lineage(pid, self._table)
            kept_by = ancestry.keeper(chain)
            thread = ancestry.attempt_of(chain, kept_by, self._table)
            if kept_by is not None or thread is not None:
                return NotOperator(pid, thread or "")
        return None

    def _check(self, sight: Sight, pid: int) -> NotOperator | None:
        thread = ancestry.attempt_of(sight.chain, None, self._table)
        if thread is not None:
            return NotOperator(pid, thread)
        assert sight.peer is not None
        as_root = sight.peer.uid == 0 != os.geteuid()
        # Ancestors may hide theirs, such as a privileged terminal multiplexer; a caller has no reason to.
        if self._table.environ(pid) is None and not as_root:
            raise Unreadable(f"the environment of PID {pid} cannot be read")
        self._must_live(sight.peer, sight.chain)
        if as_root:
            log.info("PID %d of root is served as the operator", pid)
        return None

    def _must_live(self, peer: Peer, chain: list[Process]) -> None:
        """If the process has ended, whoever holds its connection is not the process that was examined."""
        if not peer.lives() or self._table.look(peer.pid) is None:
            raise Unreadable(f"PID {chain[0].pid}, which connected, has ended")


class _Aside:
    """Runs calls that may never return, each on a thread that can be abandoned."""

    def __init__(self) -> None:
        self._going = 0

    async def run(self, call: Callable[[], Any]) -> Any:
        """The call's result or exception. Raises TimeoutError when it takes too long, or too many are
        running.
        """
        if self._going >= MAX_LOOKS:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def work() -> None:
            result, problem = None, None
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 - it goes to whoever waits
                problem = error
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._end, done, result, problem)

        try:
            threading.Thread(target=work, daemon=True, name="look").start()
        except RuntimeError:
            raise TimeoutError from None
        self._going += 1
        return await asyncio.wait_for(done, LOOK_SECS)

    def _end(self, done: asyncio.Future[Any], result: Any, problem: Exception | None) -> None:
        self._going -= 1
        if done.done():
            return
        if problem is None:
            done.set_result(result)
        else:
            done.set_exception(problem)
