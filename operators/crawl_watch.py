"""Watching the list of crawls: the assets by which a new one starts a refresh, and the trigger that looks."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import Asset, AssetWatcher
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from typing_extensions import override

from mathmill.corpus.crawls import new_crawls
from mathmill.errors import UserError
from operators.crawls_hook import CRAWLS_CONNECTION, CrawlSettings, CrawlsHook

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import AssetStateStoreAccessors

LOOK_SECONDS = 60.0
"""Between two looks at the connection, which may be made or changed at any time."""
BEGUN = "begun"
"""Key in the state of the asset `CRAWL_LIST`: the list that is watched, and the crawls that it had at first."""
ANNOUNCED = "announced"
"""Key there: the announced crawls, each with the run that announced it."""
PAYLOAD = "crawls"
"""In the payload of the trigger's event: ids of crawls."""


class CrawlListTrigger(BaseEventTrigger):
    """Look at the list of crawls that a connection names, and fire for those that were not announced.

    What was announced is noted by the task that announces, so a crawl whose announcement failed is fired for again at
    the next look. Without the connection nothing is asked; a list that cannot be read is asked for again the next time.

    Args:
        connection: its id.
    """

    def __init__(self, connection: str = CRAWLS_CONNECTION) -> None:
        super().__init__()
        self.connection = connection

    @override
    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{CrawlListTrigger.__module__}.{CrawlListTrigger.__qualname__}", {"connection": self.connection}

    @override
    async def run(self) -> AsyncIterator[TriggerEvent]:
        looked, told = 0.0, ""
        while True:
            wait, problem = LOOK_SECONDS, ""
            try:
                settings = await asyncio.to_thread(CrawlsHook(self.connection).get_conn)
                wait = looked + settings.hours * 3600 - time.time()
                if wait <= 0:
                    wait, looked = settings.hours * 3600, time.time()
                    if new := await self._new(settings):
                        self.log.info("new in %s: %s", settings.list, ", ".join(new))
                        yield TriggerEvent({PAYLOAD: new})
            except AirflowNotFoundException:
                problem = f"there is no connection {self.connection}, so no list of crawls is watched"
            except (UserError, OSError) as error:
                problem = str(error)
            if problem and problem != told:
                self.log.warning(problem)
            told = problem
            await asyncio.sleep(min(wait, LOOK_SECONDS))

    async def _new(self, settings: CrawlSettings) -> list[str]:
        """The crawls to be announced; at the first look at a list, those that it has are noted."""
        listed = await asyncio.to_thread(settings.crawls)
        state = cast("AssetStateStoreAccessors", self.asset_state_store)
        begun = cast("dict[str, Any]", await state.aget(BEGUN, {}))
        if begun.get("list") != settings.list:
            begun = {"list": settings.list, "crawls": listed}
            await state.aset(BEGUN, begun)
            self.log.info("watching %s, which lists %d crawls", settings.list, len(listed))
        announced = cast("dict[str, str]", await state.aget(ANNOUNCED, {}))
        return new_crawls(listed, begun["crawls"], announced, settings.since)


CRAWL_LIST = Asset(
    name="mathmill://crawls/list",
    uri="mathmill://crawls/list",
    group="mathmill",
    watchers=[AssetWatcher(name="list-of-crawls", trigger=CrawlListTrigger())],
)
"""The list of crawls: an event for crawls that are new in it."""
CRAWLS = Asset(name="mathmill://crawls", uri="mathmill://crawls", group="mathmill")
"""The crawls: a partition for each one whose refresh is asked for."""
