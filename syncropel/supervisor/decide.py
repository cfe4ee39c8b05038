"""What a supervisor does next: decided from its observations and the time, without system calls."""

from __future__ import annotations

WAITING = "waiting"
RUNNING = "running"
ENDING = "ending"

EXIT = "exit"
TIMEOUT = "timeout"
STOPPED = "stopped"
ORPHANED = "orphaned"
NOT_STARTED = "not_started"
START_FAILED = "start_failed"
WAYS = (EXIT, TIMEOUT, STOPPED, ORPHANED, NOT_STARTED, START_FAILED)
"""Why a run ended."""

WAIT = "wait"
INT = "int"
TERM = "term"
KILL = "kill"
FINISH = "finish"
"""Actions. KILL is repeated until nothing is left."""

GENTLE_SHARE = 0.25
"""An orphan is ended gently if that takes no more than this share of the time it has waited: its coordinator
will soon give the work to another instance.
"""
QUIET_SHARE = 0.25
"""A connected daemon that is silent for this share of the orphan limit counts as gone."""
LONGEST_REST_SECS = 3600.0
LOOK_SECS = 0.01
"""How often to check which of the signalled processes have ended."""


class Limits:
    """Seconds. `run`: the goal's time limit. `interrupt`, `term`: the time to clean up after SIGINT and
    SIGTERM; `leftover`: the time for descendants once the goal itself is gone. `kill`: how long SIGKILL is
    repeated before survivors are reported. `orphan`: how long a run continues without a daemon. `start`: how
    long a supervisor waits for its daemon before anything has run.
    """

    __slots__ = ("interrupt", "kill", "leftover", "orphan", "run", "start", "term")

    def __init__(
        self,
        *,
        run: float,
        interrupt: float,
        term: float,
        leftover: float,
        kill: float,
        orphan: float,
        start: float,
    ) -> None:
        self.run = run
        self.interrupt = interrupt
        self.term = term
        self.leftover = leftover
        self.kill = kill
        self.orphan = orphan
        self.start = start

    def as_dict(self) -> dict[str, float]:
        """The seconds by name, as the constructor takes them."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def ending(self) -> float:
        """The longest time from telling a run to end until it has ended."""
        return self.interrupt + self.term + self.leftover + self.kill


class Decider:
    """One run, from its gate to its empty process tree. Report events to it, ask `step` for the next action,
    do that.

    Expiry and re-attachment are decided here, one after the other: a daemon that comes back after the run has
    begun to end for lack of one finds it ending.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.phase = WAITING
        self.why = ""
        self.started_at = 0.0
        self.root_gone = False
        self._alone_since: float | None = now
        self._was_attached = False
        self._heard_at = now
        self._stage = WAIT
        self._announced = False
        self._until = 0.0
        self._kill_until = 0.0

    def attach(self, now: float) -> None:
        """A daemon is connected, or confirms that it still is."""
        self._alone_since = None
        self._was_attached = True
        self._heard_at = now

    def detach(self, now: float) -> None:
        """The last daemon is gone."""
        if self._alone_since is None:
            self._alone_since = now

    def go(self, now: float) -> bool:
        """Open the gate; return False when it is too late."""
        if self.phase != WAITING:
            return False
        self.phase = RUNNING
        self.started_at = now
        return True

    def root_exited(self, now: float) -> None:
        """The goal's first process is gone; its descendants may not be."""
        self.root_gone = True
        if self.phase == RUNNING:
            self._end(EXIT, TERM, now, self.limits.leftover)
        elif self.phase == WAITING:
            self._end(START_FAILED, KILL, now, 0.0)
        elif self._stage == INT:
            self._until = now
        elif self._stage == TERM:
            self._until = min(self._until, now + self.limits.leftover)

    def stop(self, why: str, now: float, *, gently: bool) -> None:
        """End the run, with time to clean up or without. If it is already ending, it can only be ended
        sooner.
        """
        if self.phase == WAITING:
            self._end(NOT_STARTED, KILL, now, 0.0)
        elif self.phase == RUNNING:
            self._end(why, INT if gently else KILL, now, self.limits.interrupt)
        elif not gently and self._stage != KILL:
            self._enter(KILL, now, 0.0)

    def interrupted(self, left: int, now: float) -> None:
        """This many processes have received SIGINT and not ended; at zero there is nothing to wait for."""
        if self._stage == INT and self._announced and not left:
            self._until = now

    def step(self, now: float, *, empty: bool) -> str:
        """The next action. `empty`: no descendant is left."""
        if self.phase == ENDING:
            return self._step_ending(now, empty)
        self._look_for_silence(now)
        alone = 0.0 if self._alone_since is None else now - self._alone_since
        if self.phase == WAITING:
            if self._alone_since is not None and (self._was_attached or alone >= self.limits.start):
                self.stop(NOT_STARTED, now, gently=False)
                return self._step_ending(now, empty)
        elif now - self.started_at >= self.limits.run:
            self.stop(TIMEOUT, now, gently=True)
        elif self._alone_since is not None and alone >= self.limits.orphan:
            self.stop(ORPHANED, now, gently=self.limits.ending <= self.limits.orphan * GENTLE_SHARE)
        return self._step_ending(now, empty) if self.phase == ENDING else WAIT

    def _look_for_silence(self, now: float) -> None:
        """Treat a daemon that is connected but silent as gone since its last word. It has been stopped, its
        coordinator does not hear from it either, and the work may be given to another instance.
        """
        silence = self.limits.orphan * (QUIET_SHARE if self.phase == RUNNING else 1.0)
        if self._alone_since is None and now - self._heard_at >= silence:
            self._alone_since = self._heard_at

    def _step_ending(self, now: float, empty: bool) -> str:
        if empty and self.root_gone:
            return FINISH
        if not self._announced:
            self._announced = True
            return self._stage
        if self._stage == KILL:
            return FINISH if now >= self._kill_until else KILL
        if now < self._until:
            return WAIT
        if self._stage == INT:
            self._enter(TERM, now, self.limits.leftover if self.root_gone else self.limits.term)
        else:
            self._enter(KILL, now, 0.0)
        self._announced = True
        return self._stage

    def _end(self, why: str, stage: str, now: float, secs: float) -> None:
        self.phase = ENDING
        self.why = why
        self._enter(stage, now, secs)

    def _enter(self, stage: str, now: float, secs: float) -> None:
        self._stage = stage
        self._announced = False
        self._until = now + secs
        self._kill_until = now + self.limits.kill

    def rest(self, now: float) -> float:
        """Seconds until `step` must be called again if nothing happens. A daemon's silence is not included:
        callers check at least once a second.
        """
        if self.phase == ENDING:
            if not self._announced:
                return 0.0
            return max(0.0, self._until - now) if self._stage == TERM else LOOK_SECS
        times = []
        if self.phase == RUNNING:
            times.append(self.started_at + self.limits.run)
        if self._alone_since is not None:
            times.append(
                self._alone_since + (self.limits.start if self.phase == WAITING else self.limits.orphan)
            )
        return max(0.0, min(times) - now) if times else LONGEST_REST_SECS
