"""An address where connecting hangs: nobody answers, nobody refuses."""

import contextlib
import socket


class Blackholes:
    """Listening sockets whose queues are full, so that nobody gets an answer to a SYN."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._sockets: list[socket.socket] = []

    def open(self, port: int) -> None:
        """Swallow what comes to a port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._host, port))
        listener.listen(0)
        self._sockets.append(listener)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self._host, port))
            self._sockets.append(filler)

    def close(self) -> None:
        """Let the ports go."""
        for one in self._sockets:
            one.close()
        self._sockets.clear()
