"""Who is put to the contract suite: one row a family, its simulator's firmware profiles in it.

A third driver gets the whole suite by its row here, and by the rig the row names.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Unpack

import pytest

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import RecorderKind
from tests.simulators.footage import ChannelPlan

from .bench import EventBench, FootageBench
from .rig import Rig, Role, Setting, Traits
from .rigs.dahua import DahuaRig
from .rigs.dahua_bench import DahuaEvents, DahuaFootage
from .rigs.hikvision import HikvisionRig
from .rigs.hikvision_bench import HikvisionEvents, HikvisionFootage


@dataclass(frozen=True)
class Row:
    """A family. `others` are firmware profiles that only the long run (`--all`) puts to the test.

    The first profile stands for all where a test is too dear to be run on each of them every time.
    """

    family: str
    rig: type[Rig[Any]]
    footage: type[FootageBench[Any]]
    events: type[EventBench[Any]]
    profiles: tuple[str, ...]
    others: tuple[str, ...]


ROWS = (
    Row(
        "hikvision",
        HikvisionRig,
        HikvisionFootage,
        HikvisionEvents,
        ("nvr8", "nvr-old", "dvr4", "ipc"),
        ("nvr16", "nvr32", "dvr8", "ipc2", "ipc-old"),
    ),
    Row(
        "dahua",
        DahuaRig,
        DahuaFootage,
        DahuaEvents,
        ("nvr5232", "nvr5464", "old400", "xvr", "ipc_sd"),
        ("new501", "quirk200", "nv4116", "lorex"),
    ),
)


@dataclass(frozen=True)
class Case:
    """One recorder to put to the test: what `@every_recorder`, `@every_nvr` and `@each_family` give as `case`."""

    row: Row
    profile: str

    def __str__(self) -> str:
        """Return the id of the test."""
        return f"{self.row.family}-{self.profile}"

    @property
    def is_everyday(self) -> bool:
        """Whether it is put to the test in each run, not in the long one alone."""
        return self.profile in self.row.profiles

    @property
    def is_first(self) -> bool:
        """Whether it stands for its family."""
        return self.profile == self.row.profiles[0]

    @property
    def traits(self) -> Traits:
        """What the profile cannot do or does its own way."""
        return self.row.rig.traits_of.get(self.profile, Traits())

    def recorder(self, **setting: Unpack[Setting]) -> Rig[Any]:
        """Return a recorder that listens inside `async with`."""
        return self.row.rig(self.profile, **setting)

    def footage(self, rig: Rig[Any]) -> FootageBench[Any]:
        """Return what a test may do to the recorder's footage."""
        return self.row.footage(rig.simulator)

    def events(self, rig: Rig[Any]) -> EventBench[Any]:
        """Return what a test may do to the recorder's event stream."""
        return self.row.events(rig.simulator)

    @asynccontextmanager
    async def connected(self, **setting: Unpack[Setting]) -> AsyncIterator[tuple[Rig[Any], Driver]]:
        """Start a recorder and a driver of it."""
        async with self.recorder(**setting) as rig, rig.driving() as driver:
            yield rig, driver

    @asynccontextmanager
    async def stocked(
        self, plan: ChannelPlan, *, page: int | None = None, **setting: Unpack[Setting]
    ) -> AsyncIterator[tuple[Rig[Any], FootageBench[Any], Driver]]:
        """Start a recorder whose first channel records by a plan, and a driver of it; `page` bounds answers."""
        async with self.recorder(**setting) as rig:
            disk = self.footage(rig)
            disk.record(plan)
            if page is not None:
                disk.page(page)
            async with rig.driving() as driver:
                yield rig, disk, driver


CASES = tuple(Case(row, profile) for row in ROWS for profile in (*row.profiles, *row.others))


def _put(cases: Iterable[Case], everyday: Callable[[Case], bool]) -> pytest.MarkDecorator:
    """Give a test the cases; those that are not of every day are `slow`."""
    values = [pytest.param(case, id=str(case), marks=() if everyday(case) else pytest.mark.slow) for case in cases]
    return pytest.mark.parametrize("case", values)


every_nvr = _put((c for c in CASES if c.traits.kind is not RecorderKind.CAMERA), lambda case: case.is_everyday)
every_recorder = _put(CASES, lambda case: case.is_everyday)
each_family = _put(CASES, lambda case: case.is_first)


def every_recorder_with(role: Role) -> pytest.MarkDecorator:
    """All that fill a role; that the others do not is asserted where they are connected to."""
    return _put((case for case in CASES if case.traits.fills(role)), lambda case: case.is_everyday)


def each_family_with(role: Role) -> pytest.MarkDecorator:
    """One recorder of each family that fills a role."""
    cases = [case for case in CASES if case.traits.fills(role)]
    first = {case.row.family: case for case in reversed(cases)}
    return _put(cases, lambda case: first[case.row.family] is case)


def every_recorder_denying(role: Role) -> pytest.MarkDecorator:
    """All that refuse the first call of a role."""
    return _put((case for case in CASES if role in case.traits.denies), lambda case: case.is_everyday)
