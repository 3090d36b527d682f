"""The task that announces crawls: a partition of the asset `mathmill://crawls` for each, which starts its refresh."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSkipException
from typing_extensions import override

from mathmill.corpus.crawls import crawl_range, in_time_order, is_crawl_id
from mathmill.errors import UserError
from operators.crawl_watch import ANNOUNCED, CRAWL_LIST, CRAWLS, PAYLOAD
from operators.crawls_hook import CRAWLS_CONNECTION, CrawlSettings, CrawlsHook
from operators.prepare import recipe_reference

REFRESH = "corpus_refresh"
"""Id of the DAG that runs once a crawl."""


class AnnounceCrawlsOperator(BaseOperator):
    """Announce the crawls that the watch found or that the form names, all or, after a mistake, none.

    Crawls of the watch are refreshed with the connection's recipe. The form may name another one, and then nothing of
    the connection is used but its list.
    """

    ui_color = "#e6f4ea"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(task_id="announce", inlets=[CRAWL_LIST], outlets=[CRAWLS], **kwargs)

    @override
    def execute(self, context: Context) -> list[str]:
        try:
            crawls, settings = self._watched(context) or requested(context["params"])
            extra = _extra(settings)
        except UserError as error:
            raise AirflowFailException(str(error)) from None
        if context["ti"].get_dag(REFRESH).is_paused:
            raise AirflowFailException(
                f"{REFRESH} is paused and would miss the crawls: switch it on and clear this task"
            )
        events = context["outlet_events"][CRAWLS]
        events.extra.update(extra)
        events.partition_keys = OldestFirst(crawls)
        self.log.info("announced, for recipe %s: %s", extra["recipe"], ", ".join(crawls))
        return crawls

    def _watched(self, context: Context) -> tuple[list[str], CrawlSettings] | None:
        """What the watch found and no other run announced; None if this run is not the watch's."""
        events = [event for events in context["triggering_asset_events"].values() for event in events]
        if not events:
            return None
        found = in_time_order(crawl for event in events for crawl in event.extra["payload"][PAYLOAD])
        state = context["asset_state_store"][CRAWL_LIST]
        announced = cast("dict[str, str]", state.get(ANNOUNCED, {}))
        # What an earlier try of this run noted may not have been announced: the events go out when a try ends well.
        new = [crawl for crawl in found if announced.get(crawl, context["run_id"]) == context["run_id"]]
        if not new:
            raise AirflowSkipException(f"announced before: {', '.join(found)}")
        settings = _settings(None, {})
        state.set(ANNOUNCED, announced | dict.fromkeys(new, context["run_id"]))
        return new, settings


class OldestFirst(set[str]):
    """Crawls whose refreshes are queued in the order of time: Airflow keeps partitions in a set, which has none."""

    def __iter__(self) -> Iterator[str]:
        return iter(in_time_order(super().__iter__()))


def requested(params: Mapping[str, Any]) -> tuple[list[str], CrawlSettings]:
    """The crawls that a filled-in form names, the oldest first, and what they are refreshed with.

    Raises:
        UserError: it names none, or some that are none, or no recipe.
    """
    named: Sequence[str] = params["crawls"] or []
    first, last = params["first"], params["last"]
    if wrong := [name for name in (*named, *filter(None, (first, last))) if not is_crawl_id(name)]:
        raise UserError(f"{wrong[0]!r} is no crawl id, as CC-MAIN-2026-43 is: name crawls by their ids")
    if bool(named) == bool(first) or (last and not first):
        raise UserError("fill in either crawls, a list of ids, or first and last, the ends of a range of the list")
    settings = _settings(params["recipe"], params["overrides"] or {})
    if named:
        return in_time_order(named), settings
    try:
        return crawl_range(settings.crawls(), first, last), settings
    except OSError as error:
        raise UserError(f"the list of crawls cannot be read: {error}") from error


def _settings(recipe: str | None, overrides: Mapping[str, Any]) -> CrawlSettings:
    """The connection's settings, with the form's recipe and overrides in place of its own, or overrides beside them."""
    try:
        connected = CrawlsHook().get_conn()
    except AirflowNotFoundException:
        if not recipe:
            raise UserError(
                f"param recipe is empty and there is no connection {CRAWLS_CONNECTION} that names one: fill it in"
            ) from None
        connected = CrawlSettings()
    if recipe:
        return replace(connected, recipe=recipe, overrides=overrides)
    return replace(connected, overrides={**connected.overrides, **overrides})


def _extra(settings: CrawlSettings) -> dict[str, Any]:
    """What the asset's events carry to `prepare`.

    Raises:
        UserError: recipe and overrides make no recipe.
    """
    settings.load()
    return {"recipe": recipe_reference(settings.recipe), "overrides": dict(settings.overrides)}
