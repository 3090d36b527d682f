"""Airflow's plugin "one writer": a database with a single writer is changed by one request at a time."""

import asyncio
from typing import Any, ClassVar

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

READS = {"GET", "HEAD", "OPTIONS"}


class OneWriter:
    """Holds a request that changes something back until the one before it has been answered.

    Airflow's API server commits its audit log on the event loop, where it waits for the database if another has begun
    to change that. If this other is a request of the same server, its own commit waits for the event loop: neither
    goes on before SQLite gives up, and until then nobody is answered.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] != "http" or scope["method"] in READS:
            await self._app(scope, receive, send)
            return
        # Read first: a client that stops halfway holds nobody back.
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        async with self._turn:
            await self._app(scope, again, send)


class OneWriterPlugin(AirflowPlugin):
    """`OneWriter` before an API server that keeps its data in SQLite."""

    name = "mathmill_one_writer"
    fastapi_root_middlewares: ClassVar = (
        [{"middleware": OneWriter, "name": "one writer"}]
        if conf.get("database", "sql_alchemy_conn").startswith("sqlite")
        else []
    )
