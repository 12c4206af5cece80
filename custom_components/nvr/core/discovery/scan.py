"""Asking the network: UDP from each of our own addresses, and whatever comes back for a while."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
import logging
import socket
from typing import Any, Final, override

from . import wire_dhdiscover, wire_onvif, wire_sadp
from .box import Box, merged

LOGGER: Final = logging.getLogger(__name__)

# Answers come within milliseconds; a box that is busy, or asked by WLAN, may take longer (dahua-cgi 16).
SECONDS: Final = 2.5
# A network is shown as far as a person can read it, whatever floods it.
_MOST_BOXES: Final = 256
_MOST_HEARD: Final = 4096
_AGAIN_AFTER: Final = 0.3
_TTL: Final = 4


@dataclass(frozen=True, slots=True)
class Interface:
    """One of our own IPv4 addresses, and the broadcast address of its network where it has one."""

    address: str
    broadcast: str = ""


@dataclass(frozen=True, slots=True)
class Scanner:
    """One way to ask. With `overhear` the answers go to the group, and are heard at the port they are asked at."""

    key: str
    port: int
    group: str
    questions: Callable[[], tuple[bytes, ...]]
    read: Callable[[bytes, str], Box | None]
    overhear: bool = False


SCANNERS: Final = (
    Scanner("sadp", wire_sadp.PORT, wire_sadp.GROUP, wire_sadp.questions, wire_sadp.read, overhear=True),
    Scanner("dhdiscover", wire_dhdiscover.PORT, wire_dhdiscover.GROUP, wire_dhdiscover.questions, wire_dhdiscover.read),
    Scanner("onvif", wire_onvif.PORT, wire_onvif.GROUP, wire_onvif.questions, wire_onvif.read),
)


class _Answers:
    """The boxes that have answered so far."""

    def __init__(self, enough: int) -> None:
        self.boxes: list[Box] = []
        self._enough = enough
        self._complete = asyncio.Event()

    def add(self, box: Box) -> None:
        """Take one more, as far as there is room."""
        if len(self.boxes) < _MOST_BOXES:
            self.boxes.append(box)
        if self._enough and len(merged(self.boxes)) >= self._enough:
            self._complete.set()

    async def complete(self, seconds: float) -> bool:
        """Wait so long; tell whether no more are wanted."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._complete.wait()
        return self._complete.is_set()


class _Ear(asyncio.DatagramProtocol):
    """Keeps what is an answer; everything else on the network is none of our business."""

    def __init__(self, scanner: Scanner, answers: _Answers) -> None:
        self._scanner = scanner
        self._answers = answers
        self._heard: set[bytes] = set()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        # What was heard before is not read again: questions are sent twice, and answers come by two sockets.
        if len(self._heard) >= _MOST_HEARD or data in self._heard:
            return
        self._heard.add(data)
        if (box := self._scanner.read(data, str(addr[0]))) is not None:
            self._answers.add(box)

    @override
    def error_received(self, exc: Exception) -> None:
        LOGGER.debug("Nobody to ask by %s: %s", self._scanner.key, exc)


async def scan(
    scanners: Sequence[Scanner],
    interfaces: Sequence[Interface],
    *,
    hosts: Sequence[str] = (),
    seconds: float = SECONDS,
    enough: int = 0,
) -> tuple[Box, ...]:
    """Return the boxes that answer within that time, or as soon as they are `enough` (0: never).

    Nothing but the public question is ever sent.

    Asked are the groups and broadcast addresses of all interfaces, and `hosts` (IPv4) one by one: they may be in
    networks that no multicast reaches. An interface or a port that cannot be used is left out.
    """
    answers = _Answers(enough)
    async with contextlib.AsyncExitStack() as stack:
        mouths: list[tuple[Scanner, Interface, asyncio.DatagramTransport]] = []
        for scanner in scanners:
            if scanner.overhear:
                await _open(stack, scanner, answers, partial(_listener, scanner, interfaces))
            for interface in interfaces:
                made = await _open(stack, scanner, answers, partial(_speaker, interface))
                if made is not None:
                    mouths.append((scanner, interface, made))
        if not mouths:
            return ()
        first = min(_AGAIN_AFTER, seconds / 3)
        for pause in (first, seconds - first):
            for scanner, interface, mouth in mouths:
                for question in scanner.questions():
                    for target in _targets(scanner, interface, hosts):
                        mouth.sendto(question, (target, scanner.port))
            if await answers.complete(pause):
                break
    return merged(answers.boxes)


def _targets(scanner: Scanner, interface: Interface, hosts: Sequence[str]) -> Iterator[str]:
    if scanner.group:
        yield scanner.group
    if interface.broadcast:
        yield interface.broadcast
    for host in hosts:
        # A name would have to be looked up, and nothing here speaks IPv6.
        with contextlib.suppress(ValueError):
            yield str(IPv4Address(host))


async def _open(
    stack: contextlib.AsyncExitStack, scanner: Scanner, answers: _Answers, make: Callable[[], socket.socket]
) -> asyncio.DatagramTransport | None:
    """Open a socket for as long as the scan lasts; None where that does not work here."""
    try:
        made = make()
    except OSError as error:
        LOGGER.debug("No socket for %s: %s", scanner.key, error)
        return None
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(scanner, answers), sock=made)
    stack.callback(transport.abort)
    return transport


def _speaker(interface: Interface) -> socket.socket:
    """Return a socket that sends from the interface, whatever the routes say."""
    made = _udp()
    try:
        address = socket.inet_aton(interface.address)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)
        made.bind((interface.address, 0))
    except OSError:
        made.close()
        raise
    return made


def _listener(scanner: Scanner, interfaces: Sequence[Interface]) -> socket.socket:
    """Return a socket in the group of the scanner, on every interface that has it; others may listen beside us."""
    made = _udp()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", scanner.port))
        for interface in interfaces:
            membership = socket.inet_aton(scanner.group) + socket.inet_aton(interface.address)
            with contextlib.suppress(OSError):
                made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        made.close()
        raise
    return made


def _udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made
