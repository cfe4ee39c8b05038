"""What a subtask waits for an answer to, as its task's join says it."""

from __future__ import annotations

from syncropel.cli.text.task import child_lines
from syncropel.client.standing import standing
from syncropel.folds.fanout.talk import question_id
from syncropel.wire import ChildOut

from .asked import attempt_of
from .conftest import Api


async def test_a_subtask_that_asks_says_so_in_its_join(api: Api) -> None:
    asked = await attempt_of(api)
    assert (await api.get("/v1/tasks/T/join"))["subtasks"][0]["asks"] is None
    await asked.tell(asked.question())
    second = question_id(asked.intend, "r2")
    await asked.tell(asked.question(id=second, request="r2", asked_at=2.0))
    child = (await api.get("/v1/tasks/T/join"))["subtasks"][0]
    assert child["asks"] == {
        "question": asked.id,
        "kind": "permission",
        "text": "may I?",
        "since": 1.0,
        "until": 1e10,
        "waiting": 2,
    }
    assert standing(ChildOut.model_validate(child)) == "asks"
    lines = "\n".join(child_lines(ChildOut.model_validate(child)))
    assert "asks since 19" in lines
    assert "│ may I?, and 1 more" in lines
    assert "unless you answer" in lines
    assert (await asked.answer()).status_code == 201
    child = (await api.get("/v1/tasks/T/join"))["subtasks"][0]
    assert (child["asks"]["question"], child["asks"]["waiting"]) == (second, 1)
    await asked.tell(asked.decision() | {"question": second})
    child = (await api.get("/v1/tasks/T/join"))["subtasks"][0]
    assert child["asks"] is None
    assert standing(ChildOut.model_validate(child)) != "asks"
