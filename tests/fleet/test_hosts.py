"""The hosts that other tests are made on: they reach each other, until they are told not to."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.fleet.hosts import NAMED, Host, Hosts, two_hosts, why_not
from tests.fleet.switch import within

__all__ = ["two_hosts"]

_NEVER_SECS = 0.3
"""What has not come by then has been lost: here it takes less than a millisecond."""


@contextlib.contextmanager
def _connected(near: Host, far: Host) -> Iterator[tuple[socket.socket, socket.socket]]:
    with contextlib.ExitStack() as stack:
        opened: list[socket.socket] = []

        def listen() -> None:
            opened.append(stack.enter_context(socket.create_server((far.address, 9000))))

        def connect() -> None:
            opened.append(stack.enter_context(socket.create_connection((far.address, 9000), 10)))

        within(far.name, listen)
        within(near.name, connect)
        accepted, _ = opened[0].accept()
        stack.enter_context(accepted)
        yield opened[1], accepted


def _arrives(sender: socket.socket, receiver: socket.socket, secs: float = 10.0) -> bool:
    sender.sendall(b"x" * 5000)
    receiver.settimeout(secs)
    try:
        return bool(receiver.recv(65536))
    except TimeoutError:
        return False


def test_hosts_reach_each_other_with_more_than_a_packet(two_hosts: list[Host]) -> None:
    near, far = two_hosts
    with _connected(near, far) as (one, other):
        other.settimeout(10)
        one.sendall(b"y" * 300_000)
        got = 0
        while got < 300_000:
            got += len(other.recv(65536))
        assert _arrives(other, one)


@pytest.mark.parametrize(
    ("fault", "there", "back"),
    [
        (Host.cut, False, False),
        (lambda host: host.lose(sent=1.0), True, False),
        (lambda host: host.lose(received=1.0), False, True),
        (Host.forget_flows, False, False),
    ],
    ids=["cut", "one way", "the other way", "a NAT that forgets"],
)
def test_a_fault_is_silent(
    two_hosts: list[Host], fault: Callable[[Host], None], there: bool, back: bool
) -> None:
    near, far = two_hosts
    with _connected(near, far) as (one, other):
        fault(far)
        for sender, receiver, arrives in ((one, other, there), (other, one, back)):
            assert _arrives(sender, receiver, 10.0 if arrives else _NEVER_SECS) == arrives


def test_a_nat_that_forgot_lets_new_connections_pass(two_hosts: list[Host]) -> None:
    near, far = two_hosts
    far.forget_flows()
    with _connected(near, far) as (one, other):
        assert _arrives(one, other)


def test_packets_can_take_their_time(two_hosts: list[Host]) -> None:
    near, far = two_hosts
    with _connected(near, far) as (one, other):
        far.delay(0.1)
        began = time.monotonic()
        assert _arrives(one, other)
        assert time.monotonic() - began >= 0.1
        far.mend()


def test_nothing_is_left_behind() -> None:
    if told := why_not():
        pytest.skip(told)
    with Hosts(2) as hosts:
        sleeper = subprocess.Popen(hosts[0].argv("sleep", "300"))
        assert (NAMED / hosts[0].name).exists()
    assert sleeper.wait(10) != 0
    assert not list(NAMED.glob(f"{hosts[0].name.rpartition('-')[0]}*"))
