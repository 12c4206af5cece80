"""A list of those who want to hear of something: called in turn, in the loop, without a name in between."""

from collections.abc import Callable

from homeassistant.core import CALLBACK_TYPE, callback


class Signal[*Args]:
    """One thing to hear of."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._listeners: list[Callable[[*Args], None]] = []

    @callback
    def async_subscribe(self, listener: Callable[[*Args], None]) -> CALLBACK_TYPE:
        """Call the listener from now on, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    @callback
    def async_send(self, *args: *Args) -> None:
        """Tell everyone."""
        for listener in list(self._listeners):
            listener(*args)
