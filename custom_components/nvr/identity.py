"""Whether it is our recorder that answers: proved by its serial number, and in doubt again after every absence."""

from collections.abc import Iterator
from contextlib import contextmanager

from .core.driver import Driver
from .core.errors import NvrError, NvrOtherRecorderError, NvrResponseError, NvrUnreachableError, NvrUnsupportedError


@contextmanager
def _of_ours() -> Iterator[None]:
    """Say of a box that was added once, and does not tell now who it is, that it cannot be understood.

    What a driver says then, that it is no recorder of its family, is for those who choose a family.
    """
    try:
        yield
    except NvrUnsupportedError as err:
        told = NvrResponseError(str(err))
        told.about = err.about
        raise told from err


class Identity:
    """What is believed of the box at the address. Every doubt outdates the proofs that were begun before it."""

    def __init__(self, driver: Driver, serial: str | None) -> None:
        """Nothing is known yet; with `serial` None whoever answers is the right one."""
        self._driver = driver
        self._serial = serial
        self._doubts = 0
        self._proved = -1
        self._other = False
        self._known = False
        self._failure: NvrError = NvrUnreachableError("not seen")

    @property
    def known(self) -> bool:
        """Whether the recorder was reached since the start and no other has answered in its place."""
        return self._known

    @property
    def proven(self) -> bool:
        """Whether what answers now is beyond doubt the recorder."""
        return self._known and self._proved == self._doubts

    def require_known(self) -> None:
        """Raise what kept us from knowing the recorder, where nothing may be asked on behalf of people."""
        if not self._known:
            raise NvrOtherRecorderError("another recorder answers") if self._other else self._again()

    def doubt(self) -> None:
        """Believe nothing before a proof that begins after this moment."""
        self._doubts += 1

    async def async_prove(self) -> None:
        """Let the box say who it is, in one request; raises NvrOtherRecorderError and what the driver raises."""
        asked = self._doubts
        with _of_ours():
            serial = await self._driver.identify()
        if self._serial is not None and serial != self._serial:
            raise NvrOtherRecorderError("another recorder answers at the address")
        self._proved = max(self._proved, asked)

    async def async_connect(self) -> None:
        """Let the driver learn the recorder, and nobody else; raises as `async_prove`."""
        asked = self._doubts
        try:
            with _of_ours():
                await self._driver.connect(self._serial)
        except NvrError as err:
            self._failure = err
            raise
        self._known, self._other = True, False
        self._proved = max(self._proved, asked)

    def _again(self) -> NvrError:
        """Return the last failure once more: an error that is raised twice keeps the trace of the first time."""
        return type(self._failure)(str(self._failure))

    def replaced(self) -> None:
        """Another recorder answers in its place."""
        self._known, self._other = False, True
