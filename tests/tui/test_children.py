"""Child threads beside a task and a thread in the console."""

from __future__ import annotations

from syncropel.wire import ChildThreadOut
from syncropel.wire.replay import Fact, ReplayFrame
from tui.model.children import frame_children, task_children
from tui.model.glyphs import ASCII

DONE = ChildThreadOut(
    thread="th_run_tests",
    status="closed",
    result="accept",
    summary="child th_run_tests completed with result accept: 458/458 pass",
)


def test_a_tasks_children_have_their_states_and_tones() -> None:
    lost = ChildThreadOut(thread="th_lost", problem="is a child of th_other")
    lines = task_children([DONE, ChildThreadOut(thread="th_b", status="open", goal="move"), lost], ASCII)
    assert [(name, line.text, line.tone) for name, line in lines] == [
        ("children", "3 (1 closed)", "plain"),
        ("", "+ [0] run_tests  closed, accept  458/458 pass", "good"),
        ("", ". [1] b  open  move", "plain"),
        ("", "x lost  does not count: it is a child of th_other", "bad"),
    ]
    assert task_children([], ASCII) == []
    assert task_children([DONE] * 30, ASCII)[-1][1].text == "+10 more"


def test_a_frame_tells_of_the_children_by_then() -> None:
    facts = [
        Fact(name="status", value="open"),
        Fact(name="children", value=2),
        Fact(name="child th_a", value="reject: no"),
        Fact(name="child th_b", value="open"),
    ]
    frame = ReplayFrame.model_construct(after=facts)
    assert [(name, line.text) for name, line in frame_children(frame, ASCII)] == [
        ("child", "x a  reject: no"),
        ("child", ". b  open"),
    ]
