"""Announces crawls, each of which starts a run of `corpus_refresh`, oldest first and one after another.

1. **announce** emits for each crawl a partition, named by the crawl's id, of the asset `mathmill://crawls`; the events
   carry recipe and overrides.

Runs when the list of crawls that the connection `mathmill_crawls_default` names, such as Common Crawl's, has new ones:
the asset `mathmill://crawls/list` is watched. Without that connection nothing is asked and nothing runs. By hand it is
a backfill: name the crawls, or the ends of a range of the list.
"""

from airflow.sdk import DAG, Param

from mathmill.corpus.crawls import CRAWL_ID
from operators.announce import AnnounceCrawlsOperator
from operators.crawl_watch import CRAWL_LIST
from operators.crawls_hook import CRAWLS_CONNECTION
from operators.mill_dag import TASK_DEFAULTS
from operators.run_params import overrides_param, recipe_param

CRAWL = {"pattern": f"^{CRAWL_ID}$", "type": ["string", "null"]}

with DAG(
    "crawl_releases",
    doc_md=__doc__,
    schedule=CRAWL_LIST,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=TASK_DEFAULTS,
    tags=["mathmill", "corpus"],
    params={
        "crawls": Param(
            None,
            type=["array", "null"],
            items={"type": "string", "pattern": f"^{CRAWL_ID}$"},
            description="The crawls to refresh with: ids, for example CC-MAIN-2026-43, one a line.",
        ),
        "first": Param(None, **CRAWL, description="In place of crawls: the oldest of a range of the list."),
        "last": Param(None, **CRAWL, description="The newest of that range. Left empty: the newest of the list."),
        "recipe": recipe_param(
            None,
            f"Whose corpus is refreshed. Left empty: that of the connection {CRAWLS_CONNECTION}, with its overrides.",
        ),
        "overrides": overrides_param('Keys of the recipe to change, for example {"corpus.files": 100}.'),
    },
):
    AnnounceCrawlsOperator()
