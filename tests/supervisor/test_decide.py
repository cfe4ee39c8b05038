"""What a supervisor decides, from what it has seen and the time: tables, and a property over all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.supervisor import decide
from syncropel.supervisor.decide import FINISH, INT, KILL, TERM, WAIT, Decider, Limits


def limits(**changes: float) -> Limits:
    seconds = {
        "run": 100.0,
        "interrupt": 1.0,
        "term": 4.0,
        "leftover": 0.5,
        "kill": 8.0,
        "orphan": 200.0,
        "start": 10.0,
    }
    return Limits(**{**seconds, **changes})


def running(now: float = 50.0, **changes: float) -> Decider:
    """A run that began at 50, with a daemon."""
    decider = Decider(limits(**changes), 40.0)
    decider.attach(now)
    assert decider.go(now)
    return decider


def steps(decider: Decider, now: float, most: int = 9) -> list[str]:
    """All that is to be done at one moment."""
    found = []
    for _ in range(most):
        found.append(decider.step(now, empty=False))
        if found[-1] in (WAIT, FINISH):
            break
    return found


def test_limits_read_back_from_what_they_say() -> None:
    seconds = limits(run=3.0).as_dict()
    assert seconds == {
        "run": 3.0, "interrupt": 1.0, "term": 4.0, "leftover": 0.5,
        "kill": 8.0, "orphan": 200.0, "start": 10.0,
    }  # fmt: skip
    assert Limits(**seconds).as_dict() == seconds
    assert limits().ending == 13.5


def test_nothing_is_done_before_the_word() -> None:
    decider = Decider(limits(), 0.0)
    decider.attach(9_900.0)
    assert decider.step(10_000.0, empty=False) == WAIT
    assert (decider.phase, decider.why, decider.root_gone) == (decide.WAITING, "", False)
    assert decider.rest(0.0) == decide.LONGEST_REST_SECS == 3600.0


def test_the_gate_opens_once() -> None:
    decider = Decider(limits(), 0.0)
    assert decider.go(5.0)
    assert (decider.phase, decider.started_at) == (decide.RUNNING, 5.0)
    assert not decider.go(6.0)
    assert decider.started_at == 5.0


def test_a_gate_is_not_opened_once_the_run_ends() -> None:
    decider = Decider(limits(), 0.0)
    decider.stop("", 0.0, gently=True)
    assert not decider.go(1.0)


@pytest.mark.parametrize(("at", "step"), [(9.99, WAIT), (10.0, KILL), (11.0, KILL)])
def test_a_gate_for_which_no_daemon_comes_is_shut(at: float, step: str) -> None:
    decider = Decider(limits(), 0.0)
    assert decider.rest(4.0) == 6.0
    assert decider.step(at, empty=False) == step
    assert decider.why == ("" if step == WAIT else decide.NOT_STARTED)


def test_a_daemon_that_is_gone_before_its_word_leaves_nothing() -> None:
    decider = Decider(limits(), 0.0)
    decider.attach(0.0)
    decider.detach(3.0)
    assert decider.step(3.0, empty=False) == KILL
    assert decider.why == decide.NOT_STARTED
    decider.root_exited(3.0)
    assert decider.step(3.0, empty=True) == FINISH


@pytest.mark.parametrize("gently", [True, False])
def test_what_is_stopped_before_its_word_has_not_started(gently: bool) -> None:
    decider = Decider(limits(), 0.0)
    decider.stop(decide.STOPPED, 1.0, gently=gently)
    assert (decider.why, decider.phase) == (decide.NOT_STARTED, decide.ENDING)
    assert decider.step(1.0, empty=False) == KILL


def test_a_goal_that_is_gone_before_its_word_could_not_start() -> None:
    decider = Decider(limits(), 0.0)
    decider.root_exited(1.0)
    assert decider.why == decide.START_FAILED
    assert decider.step(1.0, empty=True) == FINISH


@pytest.mark.parametrize(("at", "step"), [(149.99, WAIT), (150.0, INT), (151.0, INT)])
def test_the_time_limit(at: float, step: str) -> None:
    decider = running()
    assert decider.rest(60.0) == 90.0
    assert decider.step(at, empty=False) == step
    assert decider.why == ("" if step == WAIT else decide.TIMEOUT)


@pytest.mark.parametrize(("at", "step"), [(69.99, WAIT), (70.0, KILL)])
def test_a_run_without_a_daemon_ends_after_a_while(at: float, step: str) -> None:
    decider = running(orphan=10.0)
    decider.detach(60.0)
    assert decider.rest(61.0) == 9.0
    assert decider.step(at, empty=False) == step
    assert decider.why == ("" if step == WAIT else decide.ORPHANED)


@pytest.mark.parametrize(("orphan", "step"), [(54.0, INT), (53.9, KILL), (60.0, INT)])
def test_an_orphan_is_ended_gently_when_there_is_time(orphan: float, step: str) -> None:
    decider = running(orphan=orphan, run=1000.0)
    decider.detach(60.0)
    assert decider.step(60.0 + orphan, empty=False) == step


def test_a_run_is_alone_since_its_daemon_left_and_not_since_somebody_said_so_again() -> None:
    decider = running(orphan=10.0)
    decider.detach(60.0)
    decider.detach(65.0)
    assert decider.step(70.0, empty=False) == KILL


def test_a_daemon_that_comes_back_in_time_keeps_the_run() -> None:
    decider = running(orphan=10.0)
    decider.detach(60.0)
    decider.attach(74.0)
    assert decider.step(75.0, empty=False) == WAIT
    assert decider.rest(75.0) == 75.0
    decider.detach(80.0)
    assert decider.step(89.9, empty=False) == WAIT
    assert decider.step(90.0, empty=False) == KILL


@pytest.mark.parametrize(("heard", "step"), [(120.0, WAIT), (100.1, WAIT), (100.0, KILL), (60.0, KILL)])
def test_a_daemon_that_is_stopped_is_taken_for_gone_since_it_was_heard_last(heard: float, step: str) -> None:
    decider = running(orphan=40.0, run=1000.0)
    decider.attach(heard)
    assert decider.step(140.0, empty=False) == step
    assert decider.why == ("" if step == WAIT else decide.ORPHANED)


def test_a_daemon_that_is_heard_again_in_time_keeps_the_run() -> None:
    decider = running(orphan=40.0, run=1000.0)
    assert decider.step(89.0, empty=False) == WAIT
    decider.attach(89.5)
    assert decider.step(120.0, empty=False) == WAIT
    decider.detach(125.0)
    assert decider.step(129.4, empty=False) == WAIT
    assert decider.step(129.5, empty=False) == KILL


@pytest.mark.parametrize(("at", "step"), [(49.9, WAIT), (50.0, KILL)])
def test_the_gate_of_a_daemon_that_was_stopped_stays_shut(at: float, step: str) -> None:
    decider = Decider(limits(orphan=40.0), 0.0)
    decider.attach(10.0)
    assert decider.step(at, empty=False) == step
    assert decider.go(at) == (step == WAIT)


def test_a_daemon_that_comes_too_late_finds_it_ending() -> None:
    decider = running(orphan=10.0)
    decider.detach(60.0)
    decider.step(70.0, empty=False)
    decider.attach(70.0)
    assert (decider.phase, decider.why) == (decide.ENDING, decide.ORPHANED)


def test_the_earlier_of_two_ends_is_waited_for() -> None:
    decider = running(orphan=10.0)
    decider.detach(60.0)
    assert decider.rest(60.0) == 10.0
    decider.detach(145.0)
    late = running(orphan=500.0)
    late.detach(60.0)
    assert late.rest(140.0) == 10.0
    assert late.rest(160.0) == 0.0


def test_a_gentle_stop_goes_from_the_word_to_the_axe() -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=True)
    assert decider.why == decide.STOPPED
    assert decider.rest(60.0) == 0.0
    assert steps(decider, 60.0) == [INT, WAIT]
    decider.interrupted(2, 60.5)
    assert decider.rest(60.5) == decide.LOOK_SECS == 0.01
    assert steps(decider, 60.99) == [WAIT]
    assert steps(decider, 61.0) == [TERM, WAIT]
    assert decider.rest(62.0) == 3.0
    assert steps(decider, 64.99) == [WAIT]
    assert steps(decider, 65.0)[0] == KILL
    assert decider.rest(65.0) == decide.LOOK_SECS
    assert decider.step(72.99, empty=False) == KILL
    assert decider.step(73.0, empty=False) == FINISH


def test_a_stop_at_once_begins_with_the_axe() -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=False)
    assert decider.step(60.0, empty=False) == KILL
    assert decider.step(60.1, empty=False) == KILL
    assert decider.step(68.0, empty=False) == FINISH


def test_without_anybody_who_was_interrupted_the_next_signal_does_not_wait() -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=True)
    decider.interrupted(0, 60.0)  # nobody was told yet
    assert steps(decider, 60.0) == [INT, WAIT]
    decider.interrupted(1, 60.1)
    assert steps(decider, 60.1) == [WAIT]
    decider.interrupted(0, 60.2)
    assert steps(decider, 60.2) == [TERM, WAIT]
    decider.interrupted(0, 60.3)
    assert steps(decider, 60.3) == [WAIT]


@pytest.mark.parametrize("way", ["exit", "stop"])
def test_an_empty_tree_is_the_end(way: str) -> None:
    decider = running()
    if way == "stop":
        decider.stop(decide.STOPPED, 60.0, gently=True)
    assert (decider.step(60.0, empty=True)) == (WAIT if way == "exit" else INT)
    decider.root_exited(60.1)
    assert decider.step(60.1, empty=True) == FINISH


def test_what_a_goal_left_has_a_moment_after_its_end() -> None:
    decider = running()
    decider.root_exited(60.0)
    assert (decider.why, decider.root_gone) == (decide.EXIT, True)
    assert steps(decider, 60.0) == [TERM, WAIT]
    assert decider.rest(60.2) == pytest.approx(0.3)
    assert steps(decider, 60.49) == [WAIT]
    assert steps(decider, 60.5)[0] == KILL


def test_a_goal_that_ends_when_interrupted_leaves_its_descendants_less_time() -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=True)
    assert steps(decider, 60.0) == [INT, WAIT]
    decider.root_exited(60.2)
    assert decider.why == decide.STOPPED
    assert steps(decider, 60.2) == [TERM, WAIT]
    assert steps(decider, 60.69) == [WAIT]
    assert steps(decider, 60.7)[0] == KILL


@pytest.mark.parametrize(("exited", "killed"), [(62.0, 62.5), (64.8, 65.0)])
def test_a_goal_that_ends_when_told_leaves_its_descendants_less_time(exited: float, killed: float) -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=True)
    decider.step(60.0, empty=False)
    decider.interrupted(0, 60.0)
    assert steps(decider, 61.0) == [TERM, WAIT]
    decider.root_exited(exited)
    assert steps(decider, killed - 0.01) == [WAIT]
    assert steps(decider, killed)[0] == KILL


def test_a_goal_that_ends_under_the_axe_changes_nothing() -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=False)
    decider.step(60.0, empty=False)
    decider.root_exited(60.1)
    assert (decider.why, decider.step(60.1, empty=False)) == (decide.STOPPED, KILL)


@pytest.mark.parametrize("late", [False, True])
def test_what_ends_gently_can_be_made_to_end_at_once(late: bool) -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=True)
    if late:
        assert steps(decider, 60.0) == [INT, WAIT]
        assert steps(decider, 61.0) == [TERM, WAIT]
    decider.stop(decide.STOPPED, 61.5, gently=False)
    assert decider.step(61.5, empty=False) == KILL
    assert decider.step(69.49, empty=False) == KILL
    assert decider.step(69.5, empty=False) == FINISH


def test_what_ends_is_not_made_to_end_later_by_another_word() -> None:
    decider = running()
    decider.stop(decide.STOPPED, 60.0, gently=False)
    decider.step(60.0, empty=False)
    decider.stop(decide.TIMEOUT, 67.0, gently=False)
    decider.stop(decide.TIMEOUT, 67.0, gently=True)
    assert decider.why == decide.STOPPED
    assert decider.step(68.0, empty=False) == FINISH


WORDS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 30)),
    st.tuples(st.sampled_from(["go", "attach", "detach", "gently", "now", "exited", "quiet"]), st.just(0.0)),
)


@given(st.lists(WORDS, max_size=30), st.booleans())
def test_whatever_happens_a_run_comes_to_its_end_and_never_runs_before_its_word(
    words: list[tuple[str, float]], dies: bool
) -> None:
    """Whoever is told to end, or is alone, or over its limit, ends within what the limits allow."""
    decider, now = Decider(limits(orphan=20.0), 0.0), 0.0
    decider.attach(0.0)
    went = ending_since = None
    for word, secs in words:
        now += secs
        if word == "go" and decider.go(now):
            went = now
        elif word == "attach":
            decider.attach(now)
        elif word == "detach":
            decider.detach(now)
        elif word in ("gently", "now"):
            decider.stop(decide.STOPPED, now, gently=word == "gently")
        elif word == "exited":
            decider.root_exited(now)
        elif word == "quiet":
            decider.interrupted(0, now)
        step = decider.step(now, empty=False)
        assert decider.rest(now) >= 0
        if decider.phase == decide.ENDING and ending_since is None:
            ending_since = now
        if went is None:
            assert decider.why in ("", decide.NOT_STARTED, decide.START_FAILED)
        assert step in (WAIT, INT, TERM, KILL, FINISH)
    decider.stop(decide.STOPPED, now, gently=True)
    until = now + decider.limits.ending + decide.LOOK_SECS * 100
    seen = []
    while (step := decider.step(now, empty=False)) != FINISH:
        seen.append(step)
        now += max(decider.rest(now), 0.001)
        assert now <= until, seen
    if dies:
        decider.root_exited(now)
        assert decider.step(now, empty=True) == FINISH
