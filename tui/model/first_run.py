"""What is shown in place of a fleet while nothing is known of it: the problem, and what to do."""

from __future__ import annotations

from tui.model.link import Link
from tui.model.setup import Fleet

START = "spl fleet start --workers 2"


def hint(fleet: Fleet, link: Link, key: str) -> str:
    """The banner's hint for a fleet that never answered; empty where its error has a better one."""
    return f"{key} on Fleet starts one; or type: {START}" if link.kind == "absent" and fleet.here else ""


def lines(fleet: Fleet, link: Link, key: str) -> tuple[str, ...]:
    """The text for a fleet that never answered. `key` is the one that starts a fleet."""
    if not link.message:
        return ("waiting for the daemon's first answer",)
    if link.kind == "absent":
        return _absent(fleet, key)
    if link.kind == "denied":
        return _denied(fleet)
    if link.kind == "starting":
        return (
            "the daemon reads its log: what is in it is shown when that is done",
            "the kill switch works already: F freezes",
        )
    return (
        f"{fleet.target.name} answers, but not as this console expects",
        "are both of the same version? compare: spl version",
        "is it a Syncropel daemon at all? ask it: spl status",
    )


def _absent(fleet: Fleet, key: str) -> tuple[str, ...]:
    if not fleet.here:
        return (
            f"nobody answers at {fleet.target.name}",
            "is the daemon running there, and the way to it open (VPN, ssh -L, firewall)?",
            f"is it the right place? look: spl context show {fleet.name}; another one: c",
        )
    return (
        f"no fleet runs in {fleet.target.home} yet",
        f"{key} starts one on this machine; or type: {START}",
        "then make a task:  spl task add GOAL --alias T-1",
        "and split it:      spl task fan-out T-1 --subtask goal=…,target=round-robin",
        "a fleet elsewhere: spl context add NAME --url https://… --token-stdin, then c",
    )


def _denied(fleet: Fleet) -> tuple[str, ...]:
    if not fleet.target.token:
        return (
            f"{fleet.target.name} asks for a token, and there is none for {fleet.name}",
            f"keep one: spl context token {fleet.name} --token-stdin",
            "who runs that fleet mints one; then leave the console and open it again",
        )
    return (
        f"{fleet.target.name} does not take the token of {fleet.name}",
        "was it revoked, or minted for another fleet, or may it not read?",
        f"keep another: spl context token {fleet.name} --token-stdin",
    )
