"""`--subtask`: what it takes, and how each mistake is told."""

from __future__ import annotations

import pytest

from syncropel.cli.task_verbs.subtask import parse_subtask, parse_subtasks
from syncropel.errors import InvalidFanOut


def test_every_key_becomes_its_wire_name() -> None:
    flag = "goal=Write section A,target=worker-a,budget=0.50,timeout=300,depends=0+1,adapter=bash"
    assert parse_subtask(2, flag) == {
        "goal": "Write section A",
        "target": "worker-a",
        "budget_usd": 0.5,
        "timeout_secs": 300.0,
        "depends_on": [0, 1],
        "adapter": "bash",
    }


@pytest.mark.parametrize(
    ("flag", "goal"),
    [
        ('goal="first this, then that",target=t', "first this, then that"),
        ("goal='a, b',target=t", "a, b"),
        (r'goal="say \"hi\", twice",target=t', 'say "hi", twice'),
        (r"goal='it\'s, well',target=t", "it's, well"),
        (r'goal="back\\slash \.py, \n",target=t', r"back\slash \.py, \n"),
        ("goal=X=1 make test,target=t", "X=1 make test"),
        ('goal=echo "hi" | wc,target=t', 'echo "hi" | wc'),
        ("goal=don't stop,target=t", "don't stop"),
        (r"goal=grep '\.py' f,target=t", r"grep '\.py' f"),
        (" goal = spaced , target = t ", "spaced"),
        ('goal= "quoted, spaced" ,target=t', "quoted, spaced"),
        ("target=t,goal=last,", "last"),
        ("goal=größer → ok,target=t", "größer → ok"),
    ],
)
def test_goals_are_taken_as_typed(flag: str, goal: str) -> None:
    assert parse_subtask(0, flag) == {"goal": goal, "target": "t"}


@pytest.mark.parametrize(
    ("flag", "message", "hint"),
    [
        ("gaol=a,target=t", "unknown key 'gaol'", "did you mean goal?"),
        ("goal=a,target=t,colour=red", "unknown key 'colour'", "keys: goal, target, budget"),
        ("target=t", "goal is missing", "keys: goal"),
        ("goal=a", "target is missing", "keys: goal"),
        ("", "goal is missing", "keys: goal"),
        ("goal=,target=t", "goal is empty", "keys: goal"),
        ('goal="",target=t', "goal is empty", "keys: goal"),
        ("goal=a,target=t,budget=lots", "budget must be a number above 0, not 'lots'", "budget=0.50"),
        ("goal=a,target=t,timeout=-5", "timeout must be a number above 0, not '-5'", "timeout=300"),
        ("goal=a,target=t,timeout=nan", "timeout must be a number", "timeout=300"),
        ("goal=a,target=t,budget=1_0", "budget must be a number", "budget=0.50"),
        ("goal=a,target=t,depends=0,1", "'1', after depends, is not key=value", "quoted"),
        ("goal=a,target=t,depends=x", "depends must be indexes", "depends=0+1"),
        ("goal=a,target=t,depends=0+", "depends must be indexes", "depends=0+1"),
        ("goal=a,goal=b,target=t", "goal is given twice", "keys: goal"),
        ("goal=first, then,target=t", "'then', after goal, is not key=value", 'goal="…, …"'),
        ("goal=first, x then=1,target=t", "'x then', after goal, is not key=value", 'goal="…, …"'),
        ("just words", "'just words' is not key=value", "keys: goal"),
        ("=a,target=t", "a key is missing before =", "keys: goal"),
        ("goal=a,,target=t", "nothing between two commas", "keys: goal"),
        ('goal="never closed,target=t', 'goal has no closing "', "end the value"),
        (
            'goal="a" b,target=t',
            "unexpected text after the closing quote of goal: 'b,target=t'",
            "quote the whole value",
        ),
    ],
)
def test_a_mistake_names_the_subtask_and_the_key(flag: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidFanOut) as caught:
        parse_subtasks(["goal=fine,target=t", flag])
    assert caught.value.message.startswith("subtask 1: ")
    assert message in caught.value.message
    assert hint in caught.value.hint
