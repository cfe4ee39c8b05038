"""Joins this host's home to a fleet elsewhere: trust first, then the secret, then the settings.

Each step is on disk before the next, and none is undone by doing it again: after an interruption the same
line goes on where it stopped.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import httpx

from syncropel import __version__
from syncropel.client import Client, Target, join_calls
from syncropel.errors import WARNING, DaemonUnreachable, RemoteError, SetupError, SyncropelError
from syncropel.launcher.plan import write_settings
from syncropel.launcher.process import find_daemon
from syncropel.settings.certificates import first_pem, need_library, pin_of
from syncropel.settings.config import Settings, load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home, write_private
from syncropel.settings.join_line import JoinLine
from syncropel.settings.keyring import Keyring
from syncropel.system.tls_problem import tls_problem
from syncropel.wire import Joined, JoinInfo
from syncropel.wire.version import PROTOCOL

_MOST_BYTES: Final = 64 * 1024
_CONNECT_SECS: Final = 5.0
_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")
CA_FILE: Final = "keys/fleet-ca.pem"

Say = Callable[[str], None]


class Joiner:
    """Joins one home with one line. `say` reports steps, `warn` what was tried in vain."""

    def __init__(self, home: Home, line: JoinLine, say: Say, warn: Say) -> None:
        self._home = home
        self._line = line
        self._say = say
        self._warn = warn

    def run(self) -> str:
        """Join; return the alias. Raises SetupError when this home cannot, DaemonUnreachable, and RemoteError
        when the coordinator refuses, by its code.
        """
        need_library()
        present = self._check_home()
        if find_daemon(self._home) is not None:  # it has joined, and runs
            self._say(f"✓ has joined {present.fleet.coordinator_url} as {present.fleet.alias}")
            return present.fleet.alias
        make_home(self._home)
        own_did = load_or_create_identity(self._home).did
        host, ca = self._find()
        self._pin(ca)
        keyring, url = Keyring(self._home), f"https://{host}"
        try:
            joined = self._join(keyring, url, own_did)
            keyring.trust(joined.coordinator, joined.sha256, url)
        except OSError as error:
            told = f"cannot write {error.filename or self._home.secrets}: {error.strerror}"
            raise SetupError(told, "then join again with the same line") from None
        self._configure(present, joined.alias, url)
        self._say(f"✓ joined as {joined.alias}: the coordinator is {joined.coordinator}")
        return joined.alias

    def _join(self, keyring: Keyring, url: str, did: str) -> Joined:
        """Ask with this home's own secret; with another if that was revoked. Raises OSError, and as `run`."""
        try:
            return self._ask(url, did, keyring.make_own(did))
        except RemoteError as error:
            if error.code != "SECRET_REVOKED":
                raise
        self._say("  this host was shut out before: it makes itself another secret")
        return self._ask(url, did, keyring.make_own(did, anew=True))

    def _check_home(self) -> Settings:
        """The home's settings. Raises SetupError for a home of another fleet, or one whose daemon runs."""
        home = self._home
        present = load_settings(home, {}) if home.config.exists() else Settings()
        elsewhere = f"join with another home: SYNCROPEL_HOME={home.display()}-joined spl fleet join LINE"
        if present.role == "coordinator" and home.has_log:
            raise SetupError(
                f"{home.display()} is the home of a coordinator, with a log of its own", elsewhere
            )
        if home.fleet_ca_key.exists():
            raise SetupError(f"{home.display()} has a fleet CA of its own: it is a coordinator's", elsewhere)
        url = present.fleet.coordinator_url
        if url and url.removeprefix("https://") not in self._line.hosts:
            raise SetupError(f"{home.display()} belongs to the fleet of {url}", elsewhere)
        if not url and find_daemon(home) is not None:
            raise SetupError(
                f"the daemon of {home.display()} runs", "stop it first: spl stop; then join again"
            )
        return present

    def _find(self) -> tuple[str, str]:
        """The first host that shows the pinned CA, and that certificate. Nothing secret is sent.

        Raises SetupError `wrong_ca` when somebody else answers at each that answers, DaemonUnreachable when
        none does.
        """
        problems: list[SyncropelError] = []
        for host in self._line.hosts:
            try:
                return host, self._look(host)
            except SyncropelError as error:
                problems.append(error)
                if len(self._line.hosts) > 1:
                    self._warn(f"{WARNING}{error.message}")
        raise next((one for one in problems if one.code == "WRONG_CA"), problems[0])

    def _look(self, host: str) -> str:
        info = fetch_info(host)
        if pin_of(info.ca) != self._line.pin:
            raise SetupError(
                f"wrong_ca: {host} shows another CA than the line names; nothing was sent to it",
                "somebody may be in between; or the fleet has a new CA: ask for another line",
                code="WRONG_CA",
            )
        if not info.oldest_protocol <= PROTOCOL <= info.protocol:
            older = info.oldest_protocol > PROTOCOL
            raise SetupError(
                f"too_{'old' if older else 'new'}: this spl speaks protocol {PROTOCOL}, the coordinator "
                f"{info.oldest_protocol} to {info.protocol}",
                "upgrade this one: pip install --upgrade 'syncropel-console[fleet]'"
                if older
                else "upgrade the coordinator first",
                code="TOO_OLD" if older else "TOO_NEW",
            )
        return first_pem(info.ca)

    def _pin(self, ca: str) -> None:
        try:
            write_private(self._home.fleet_ca, ca)
        except OSError as error:
            raise SetupError(
                f"cannot write {self._home.fleet_ca}: {error.strerror}", "check its folder"
            ) from None
        self._say(f"✓ the coordinator's CA is the one of the line: {self._home.display()}/{CA_FILE}")

    def _ask(self, url: str, did: str, sha256: str) -> Joined:
        asked = {
            "invite": self._line.invite,
            "secret": self._line.secret,
            "did": did,
            "sha256": sha256,
            "protocol": PROTOCOL,
            "version": __version__,
        }
        with Client(Target(url=url, ca_file=self._home.fleet_ca)) as client:
            try:
                return client.send(join_calls.join(asked))
            except DaemonUnreachable as error:
                hint = (
                    f"{error.hint}\nthen join again with the same line: it may have been used already, by you"
                )
                raise DaemonUnreachable(error.message, hint, code=error.code) from None

    def _configure(self, present: Settings, alias: str, url: str) -> None:
        fleet = replace(
            present.fleet,
            alias=alias,
            coordinator_url=url,
            ca_file=CA_FILE,
            link=True,
        )
        wanted = replace(present, fleet=fleet)
        if not self._home.config.exists():  # another daemon of this host may have the usual port
            wanted = replace(wanted, server=replace(wanted.server, port=0))
        if wanted != present:
            write_settings(self._home.config, present, wanted)


def fetch_info(host: str) -> JoinInfo:
    """What a coordinator says before anybody trusts it. Raises DaemonUnreachable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin is what counts, and nothing secret goes this way
    url, content = f"https://{host}/v1/fleet/join", bytearray()
    try:
        with (
            httpx.Client(verify=context, trust_env=False, timeout=_CONNECT_SECS) as client,
            client.stream("GET", url) as response,
        ):
            for part in response.iter_bytes():
                content += part
                if len(content) > _MOST_BYTES:
                    break
        return JoinInfo.model_validate_json(bytes(content))
    except httpx.HTTPError as error:
        problem = tls_problem(error)
        told = problem.told if problem is not None else _ERRNO.sub("", str(error)) or type(error).__name__
        hint = problem.hint if problem is not None else "is the coordinator up, and reachable from this host?"
        raise DaemonUnreachable(f"{host}: {told}", hint) from None
    except ValueError:
        raise DaemonUnreachable(
            f"{host}: what answers is no coordinator that lets hosts in", "check the address of the line"
        ) from None
