"""Heartbeats that a coordinator refuses: signs of life that its leases keep, also through a restart."""

from __future__ import annotations

import pytest

from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL, INSTANCE_REGISTRY
from tests.engine.registrar import INTERVAL, Registrar, at_registrar, beat
from tests.folds.build import COORDINATOR, WORKER_A, WORKER_B


def test_the_log_hears_once_of_a_series_of_refused_beats(caplog: pytest.LogCaptureFixture) -> None:
    async def story(registrar: Registrar) -> None:
        leases = registrar.leases
        await leases.beat(beat())
        for _ in range(50):  # one that shows a wrong token first, and then one that is taken
            await leases.refused(WORKER_A, "no such token")
            assert leases.why_refused(WORKER_A) == "no such token"
            await leases.beat(beat())
            assert leases.why_refused(WORKER_A) == ""
            await registrar.silence(INTERVAL)
        assert sum("are refused" in line for line in caplog.messages) == 1
        await registrar.silence(12 * INTERVAL)
        await leases.refused(WORKER_A, "x" * 1_000)
        assert sum("are refused" in line for line in caplog.messages) == 2
        assert leases.why_refused(WORKER_A) == "x" * 300

    at_registrar(story)


@pytest.mark.parametrize("revoked", [False, True])
def test_only_of_one_that_was_revoked_silence_says_that_it_is_gone(revoked: bool) -> None:
    async def story(registrar: Registrar) -> None:
        leases, live = registrar.leases, registrar.ingest.live
        await leases.beat(beat(leaving=True))
        if revoked:
            body = {"topic": "instance_credential_revoked", "did": WORKER_A, "sha256": "", "at": 0.0}
            await registrar.ingest.append_one(Record(FLEET_CONTROL, COORDINATOR, "LEARN", body))
        instance = live.registry.instances[WORKER_A]
        assert not leases.may_run(instance, 0.0)
        await leases.refused(WORKER_A, "no")
        await registrar.silence(12 * INTERVAL)
        assert leases.may_run(instance, 0.0)
        await registrar.silence(1)
        assert leases.may_run(instance, 0.0) is not revoked
        assert bool(leases.why_refused(WORKER_A)) is not revoked

    at_registrar(story)


def written(registrar: Registrar) -> list[str | None]:
    """What the log was told of refusals: why, or None when they were over."""
    records = [one.record for one in registrar.store._log if one.record.thread == INSTANCE_REGISTRY]
    return [one.body.get("why") for one in records if one.topic == "instance_refused"]


async def again(registrar: Registrar) -> Registrar:
    """The coordinator after a restart."""
    return await Registrar(registrar.store).open()


def test_a_restart_does_not_forget_whose_heartbeats_are_refused() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat(leaving=True))
        assert await registrar.leases.refused(WORKER_A, "no such token")
        for _ in range(3):
            assert not await registrar.leases.refused(WORKER_A, "no such token")
        assert written(registrar) == ["no such token"]
        back = await again(registrar)
        instance = back.ingest.live.registry.instances[WORKER_A]
        assert back.leases.why_refused(WORKER_A) == "no such token"
        assert back.leases.may_run(instance, 0.0)
        await back.leases.beat(beat(leaving=True))
        assert not back.leases.may_run(instance, 0.0)
        assert written(back) == ["no such token", None]
        assert (await again(back)).leases.why_refused(WORKER_A) == ""

    at_registrar(story)


def test_what_is_refused_while_an_instance_is_heard_is_kept_once_it_is_archived() -> None:
    """Anybody can send such heartbeats: nothing is written while it has to confirm anyway."""

    async def story(registrar: Registrar) -> None:
        leases = registrar.leases
        await leases.beat(beat())
        for _ in range(100):
            await leases.refused(WORKER_A, "no")
            await leases.beat(beat())
        await leases.refused(WORKER_A, "no")
        assert written(registrar) == []
        await registrar.silence(13 * INTERVAL)
        assert registrar.states() == ["joined", "stale", "archived"]
        assert written(registrar) == ["no"]
        assert (await again(registrar)).leases.why_refused(WORKER_A) == "no"

    at_registrar(story)


def test_of_a_stranger_and_of_itself_nothing_is_written() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat(COORDINATOR))
        assert not await registrar.leases.refused(COORDINATOR, "no")
        assert not await registrar.leases.refused(WORKER_B, "no")
        await registrar.silence(13 * INTERVAL)
        assert written(registrar) == []

    at_registrar(story)


def test_one_that_was_revoked_is_remembered_for_as_long_as_an_archived_one() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        body = {"topic": "instance_credential_revoked", "did": WORKER_A, "sha256": "", "at": 0.0}
        await registrar.ingest.append_one(Record(FLEET_CONTROL, COORDINATOR, "LEARN", body))
        await registrar.leases.end(WORKER_A)
        await registrar.leases.refused(WORKER_A, "was revoked")
        await registrar.silence(20 * INTERVAL)
        back = await again(registrar)
        instance = back.ingest.live.registry.instances[WORKER_A]
        # It was not heard for long when this daemon started, which that cannot know.
        await back.silence(12 * INTERVAL)
        assert back.leases.may_run(instance, 0.0)
        await back.silence(1)
        assert not back.leases.may_run(instance, 0.0)

    at_registrar(story)


def test_an_operator_who_says_that_it_is_gone_is_believed_until_it_is_refused_again() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat(leaving=True))
        await registrar.leases.refused(WORKER_A, "no")
        await registrar.leases.end(WORKER_A)
        assert registrar.leases.why_refused(WORKER_A) == ""
        assert written(registrar) == ["no", None]
        assert await registrar.leases.refused(WORKER_A, "no")
        assert written(registrar) == ["no", None, "no"]

    at_registrar(story)
