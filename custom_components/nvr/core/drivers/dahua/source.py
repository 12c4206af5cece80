"""One question, two ways to ask it: by RPC2, which needs no login of its own, else by the CGI (dahua-cgi 1.1, 2.2).

Recorders that renew their nonce with every answer make each CGI question two requests and one refused login.
"""

from collections.abc import Awaitable, Mapping

from ...errors import NvrInsecureLoginError, NvrNotFoundError, NvrPermissionError, NvrUnsupportedError, about
from ...transport.gate import Lane
from .context import Context
from .refusals import DahuaRefusalError, is_failing
from .wire import Node, child, nest


async def unless_refused[T](question: Awaitable[T | None]) -> T | None:
    """Return what we can do without; None where a right is missing or the recorder refuses it in its own words.

    A failure of the recorder (5xx) is raised: it says nothing of what would be told otherwise.
    """
    try:
        return await question
    except NvrInsecureLoginError:
        raise
    except NvrPermissionError:
        return None
    except DahuaRefusalError as error:
        if is_failing(error):
            raise
        return None


class Source:
    """Reads what a recorder may lack; None where it does, and only there.

    A missing right, any other refusal, timeouts and a busy recorder are raised.
    """

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._client = context.client

    async def ask(
        self,
        method: str,
        params: Mapping[str, object] | None = None,
        *,
        cgi: tuple[str, str] | None = None,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> Node | None:
        """Return the answer's params, or the CGI's table nested; None when neither way has it."""
        try:
            with about(method):
                answer = await self._client.rpc.call(method, params, lane=lane, timeout=timeout)
        except NvrUnsupportedError:
            return None if cgi is None else await self.page(*cgi, lane=lane, timeout=timeout)
        except NvrNotFoundError:
            return None
        return answer.params or {"result": answer.result}

    async def table(
        self,
        name: str,
        *,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> Node | None:
        """Return a configuration table, None where this firmware has none of that name."""
        found = await self.ask(
            "configManager.getConfig",
            {"name": name},
            cgi=("configManager.cgi", f"action=getConfig&name={name}"),
            lane=lane,
            timeout=timeout,
        )
        table = child(found, "table")
        by_name = child(table, name)
        return table if by_name is None else by_name

    async def page(
        self,
        path: str,
        query: str,
        *,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> Node | None:
        """Return what a page of the CGI tells, nested; None where there is none."""
        table = await self._client.optional(path, query, lane=lane, timeout=timeout)
        return None if table is None else nest(table)
