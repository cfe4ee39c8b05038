"""A switch between network namespaces that loses, delays, and forgets what it is told to.

It forwards in user space: a kernel without `netem` can test the same faults as any other.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAMED: Final = Path("/run/netns")
"""Where `ip netns add` puts the namespaces that have a name."""

_CLONE_NEWNET: Final = 0x40000000
_SIOCETHTOOL: Final = 0x8946
_ETHTOOL_STXCSUM: Final = 0x17
_ETH_P_ALL: Final = 3
_MOST_BYTES: Final = 65536
_IPV4, _TCP = 0x0800, 6


@dataclass
class Faults:
    """What happens to packets of one host in one direction. `secs`: how long each is on its way; `loss`: the
    share that is lost, from 0 to 1. Nothing tells the sender.
    """

    secs: float = 0.0
    loss: float = 0.0


def mac(number: int) -> bytes:
    """The hardware address of the host with this number."""
    return b"\x02\x00\x00\x00" + number.to_bytes(2, "big")


def enter(namespace: str) -> None:
    """Move this thread into a namespace. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(NAMED / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot enter the namespace", namespace)
    finally:
        os.close(descriptor)


def within(namespace: str, do: Callable[[], None]) -> None:
    """Call this in a namespace, and raise here what it raises."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            enter(namespace)
            do()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def compute_checksums(device: str) -> None:
    """Have the kernel compute the checksums of what this device sends, as a card without offloads does: a
    raw socket passes on what it reads.
    """
    value = ctypes.create_string_buffer(struct.pack("II", _ETHTOOL_STXCSUM, 0))
    asked = struct.pack("16sP", device.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCETHTOOL, asked)


class Switch:
    """Forwards between the devices `port0` … of a namespace, on a thread of its own.

    `sent[n]` and `received[n]` are what happens to packets from and to host n; change them at any time.
    """

    def __init__(self, namespace: str, ports: int, seed: int = 0) -> None:
        self.sent = [Faults() for _ in range(ports)]
        self.received = [Faults() for _ in range(ports)]
        self._random = random.Random(seed)
        self._flows: set[bytes] | None = None
        """While a NAT forgets: the flows that began since."""
        self._translated: set[int] = set()
        self._due: list[tuple[float, int, int, bytes]] = []
        self._counted = 0
        self._ports: list[socket.socket] = []
        within(namespace, lambda: self._open(ports))
        self._ending, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True, name="switch")
        self._thread.start()

    def forget_flows(self, number: int) -> None:
        """As a NAT before host `number` that restarts: TCP connections from before are dropped without a
        word; new ones pass.
        """
        self._flows = set()
        self._translated.add(number)

    def close(self) -> None:
        """End the thread and close the ports."""
        os.write(self._end, b".")
        self._thread.join()
        for one in self._ports:
            one.close()
        os.close(self._ending)
        os.close(self._end)

    def _open(self, ports: int) -> None:
        for number in range(ports):
            port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            port.setblocking(False)
            port.bind((f"port{number}", _ETH_P_ALL))
            self._ports.append(port)

    def _run(self) -> None:
        poll = select.epoll()
        numbers = {port.fileno(): number for number, port in enumerate(self._ports)}
        for descriptor in (*numbers, self._ending):
            poll.register(descriptor, select.EPOLLIN)
        with poll:
            while True:
                wait = -1.0 if not self._due else max(0.0, self._due[0][0] - time.monotonic())
                for descriptor, _ in poll.poll(wait):
                    if descriptor == self._ending:
                        return
                    self._take(numbers[descriptor])
                now = time.monotonic()
                while self._due and self._due[0][0] <= now:
                    _, _, number, frame = heapq.heappop(self._due)
                    self._send(number, frame)

    def _take(self, number: int) -> None:
        try:
            frame, source = self._ports[number].recvfrom(_MOST_BYTES)
        except OSError:
            return  # its device is gone
        if source[2] == socket.PACKET_OUTGOING:
            return  # what was sent from here
        if frame[0] & 1:  # to all
            goals = [other for other in range(len(self._ports)) if other != number]
        else:
            goal = int.from_bytes(frame[4:6], "big")
            goals = [goal] if frame[:4] == mac(0)[:4] and goal < len(self._ports) else []
        for goal in goals:
            self._pass(number, goal, frame)

    def _pass(self, number: int, goal: int, frame: bytes) -> None:
        ways = (self.sent[number], self.received[goal])
        if any(way.loss and self._random.random() < way.loss for way in ways):
            return
        if self._is_forgotten(number, goal, frame):
            return
        secs = sum(way.secs for way in ways)
        if not secs and not self._due:
            self._send(goal, frame)
            return
        self._counted += 1
        heapq.heappush(self._due, (time.monotonic() + secs, self._counted, goal, frame))

    def _is_forgotten(self, number: int, goal: int, frame: bytes) -> bool:
        if self._flows is None or self._translated.isdisjoint((number, goal)):
            return False
        if int.from_bytes(frame[12:14], "big") != _IPV4 or frame[23] != _TCP:
            return False
        head = 14 + (frame[14] & 15) * 4
        ends = sorted(
            (
                frame[26:30] + frame[head : head + 2],
                frame[30:34] + frame[head + 2 : head + 4],
            )
        )
        flow = b"".join(ends)
        if frame[head + 13] & 0x12 == 0x02:  # SYN without ACK
            self._flows.add(flow)
        return flow not in self._flows

    def _send(self, number: int, frame: bytes) -> None:
        try:
            self._ports[number].send(frame)
        except OSError:
            return  # no room in its queue, or its device is gone: lost, as on any network
