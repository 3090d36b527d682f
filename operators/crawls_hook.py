"""Which list of crawls is watched, and for which recipe: an Airflow connection of type `mathmill_crawls`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from typing_extensions import override

from mathmill.corpus.crawls import COMMON_CRAWL, is_crawl_id, listed_crawls
from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe, recipe_names
from operators.connection_fields import check_fields
from operators.plan import override_arguments

CRAWLS_CONNECTION = "mathmill_crawls_default"


@dataclass(frozen=True, slots=True)
class CrawlSettings:
    """What the connection's form holds."""

    list: str = COMMON_CRAWL
    """The address or path of the list of crawls."""
    recipe: str = ""
    """Whose corpus is refreshed: a name in `recipes/`, or an absolute path."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the recipe that the refreshes change."""
    since: str = ""
    """The crawl from which on those that are listed already are announced; empty: only those that come."""
    hours: float = 24.0
    """Between two looks at the list."""

    @classmethod
    def read(cls, connection_id: str, extra: Mapping[str, Any]) -> Self:
        """The settings in a connection's extra.

        Raises:
            UserError: they cannot be used.
        """
        place = f"connection {connection_id}"
        check_fields(cls, place, extra, "a list of crawls")
        settings = cls(**{name: value for name, value in extra.items() if value not in (None, "")})
        if settings.recipe not in recipe_names() and not Path(settings.recipe).is_absolute():
            known = ", ".join(recipe_names())
            raise UserError(f"{place}: recipe {settings.recipe!r} is none of {known}, and no absolute path")
        if not isinstance(settings.overrides, Mapping):
            raise UserError(f'{place}: overrides is no mapping of keys, for example {{"corpus.files": 10}}')
        if settings.since and not is_crawl_id(settings.since):
            raise UserError(f"{place}: since {settings.since!r} is no crawl id, as CC-MAIN-2026-43 is")
        if not isinstance(settings.hours, int | float) or settings.hours <= 0:
            raise UserError(f"{place}: hours {settings.hours!r} is no number above 0")
        try:
            settings.load()
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
        return settings

    def load(self) -> Recipe:
        """The recipe with its overrides."""
        return load_recipe(self.recipe, override_arguments(self.overrides))

    def crawls(self) -> Sequence[str]:
        """The crawls that are listed now, the oldest first.

        Raises:
            OSError: the list cannot be read.
            UserError: it is no list of crawls.
        """
        from mathmill.corpus.fetch import client_of  # a tenth of a second that no DAG file is to wait for

        return listed_crawls(self.list, client_of(self.load().corpus.contact))


class CrawlsHook(BaseHook):
    """Knows the list of crawls that is watched.

    Args:
        connection_id: of a connection of type `mathmill_crawls`.
    """

    conn_name_attr = "crawls_conn_id"
    default_conn_name = CRAWLS_CONNECTION
    conn_type = "mathmill_crawls"
    hook_name = "MathMill list of crawls"

    def __init__(self, connection_id: str = CRAWLS_CONNECTION) -> None:
        super().__init__()
        self.connection_id = connection_id

    @override
    def get_conn(self) -> CrawlSettings:
        """What the connection says.

        Raises:
            UserError: it cannot be used.
            AirflowNotFoundException: there is none of that name.
        """
        connection = self.get_connection(self.connection_id)
        if connection.conn_type != self.conn_type:
            raise UserError(f"connection {self.connection_id} is a {connection.conn_type}: make it a {self.conn_type}")
        return CrawlSettings.read(self.connection_id, connection.extra_dejson)

    def test_connection(self) -> tuple[bool, str]:
        """Whether the list can be watched, and why or why not."""
        try:
            settings = self.get_conn()
            crawls = settings.crawls()
        except (UserError, OSError, AirflowNotFoundException) as error:
            return False, str(error)
        newest = f", the newest {crawls[-1]}" if crawls else ""
        return True, f"{settings.list} lists {len(crawls)} crawls{newest}"
