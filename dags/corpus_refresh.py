"""From web pages to a mathematical corpus.

1. **ingest** reads the WARC files of `corpus.input`; **dedup** drops pages that stand twice, or nearly so.
2. Each **iteration** trains the fastText classifier on the seed, scores every page, keeps the best within a token
   budget, and counts by domain. Then a person decides which URL prefixes of math-related domains are mathematics
   (**ask** waits for the page "Corpus"; with `corpus.annotation: auto` thresholds decide at once), **annotate** keeps
   the decisions and **grow** adds the prefixes' uncollected pages to the next iteration's seed. Iterations past the
   recipe's last one, or after mining has converged, are skipped.
3. **decontaminate** removes pages that hold benchmark text; **tokenize** makes training shards; **report** closes the
   build; **publish** starts `pretrain`, or in the run of a crawl **start_pretrain**.

With an earlier build named in the form, a run is a refresh: it drops what the earlier build has, begins with its
classifier, seed and annotations, and its corpus holds the earlier one.

Runs once for each crawl that `crawl_releases` announces, one after another: a refresh of the recipe's newest finished
build with that crawl, its partition key. A crawl that this build was mined from already is skipped. Also by hand with
any recipe and input. Source: DeepSeekMath, section 2.1.
"""

from pathlib import Path

from airflow.sdk import Param, PartitionedAssetTimetable, TaskGroup, TriggerRule, chain

from mathmill.corpus.layout import Build
from mathmill.recipe_corpus import MAX_ITERATIONS
from operators.annotator import AskAnnotatorOperator, answered
from operators.crawl_watch import CRAWLS
from operators.job import PythonJobOperator, SparkJobOperator
from operators.mill_dag import mill_dag
from operators.mining import LAST_COLLECTED, stop_after
from operators.plan import EARLIER_RUNS, RUN_OUT, planned_input
from operators.prepare import NEWEST, PrepareOperator
from operators.publish import PublishOperator
from operators.start_next import StartNextOperator

FIELDS = {
    "Crawl": ["corpus.files", "corpus.contact", "corpus.page_seconds"],
    "Near-duplicates": ["corpus.minhash.threshold", "corpus.minhash.containment"],
    "Mining": [
        "corpus.iterations",
        "corpus.tokens",
        "corpus.min_score",
        "corpus.converged_share",
        "corpus.domain_rate",
    ],
    "Classifier": [
        "corpus.classifier.positives",
        "corpus.classifier.negatives",
        "corpus.classifier.epochs",
        "corpus.classifier.learning_rate",
        "corpus.classifier.dim",
    ],
    "Annotation": [
        "corpus.annotation.mode",
        "corpus.annotation.response_timeout",
        "corpus.annotation.min_pages",
        "corpus.annotation.min_rate",
    ],
    "Decontamination": [
        "corpus.decontamination.ngram",
        "corpus.decontamination.min_ngram",
        "corpus.decontamination.unit",
        "corpus.decontamination.common_pages",
    ],
}

build = Build(Path(RUN_OUT))


def corpus_job(task_id: str, module: str, out: Path, **inputs: object) -> SparkJobOperator:
    """A Spark job of `mathmill.corpus`; `inputs` are its options."""
    options = {"reuse": EARLIER_RUNS, **{name: str(value) for name, value in inputs.items()}}
    return SparkJobOperator(task_id=task_id, module=f"mathmill.corpus.{module}", out=str(out), options=options)


with mill_dag(
    "corpus_refresh",
    doc=__doc__,
    schedule=PartitionedAssetTimetable(assets=CRAWLS),
    tags=["corpus", "spark"],
    fields=FIELDS,
    params={
        "previous": Param(
            None,
            type=["string", "null"],
            description=f"A finished corpus build that this run refreshes: a path, or {NEWEST} for the recipe's newest."
            " Left empty: none, a build anew.",
        )
    },
):
    prepare = PrepareOperator(makes="corpus")
    ingest = corpus_job("ingest", "ingest", build.ingested)
    dedup = corpus_job("dedup", "dedup", build.unique, pages=build.ingested, previous=planned_input("unique"))
    chain(prepare, ingest, dedup)

    seed, before, counted = planned_input("seed"), dedup, []
    collected, annotations, classifier = "", planned_input("annotations"), planned_input("classifier")
    for number in range(1, MAX_ITERATIONS + 1):
        this = build.iteration(number)
        with TaskGroup(f"iteration_{number}"):
            classify = corpus_job(
                "classify",
                "classify",
                this.classifier,
                seed=seed,
                pages=build.unique,
                iteration=number,
                collected=collected,
                annotations=annotations,
                classifier=classifier,
            )
            score = corpus_job("score", "score", this.scores, pages=build.unique, classifier=this.classifier)
            select = corpus_job(
                "select",
                "selection",
                this.collected,
                pages=build.unique,
                scores=this.scores,
                iteration=number,
                previous=collected,
            )
            domains = corpus_job(
                "domains",
                "domains",
                this.domains,
                pages=build.unique,
                collected=this.collected,
                scores=this.scores,
            )
            chain(before, classify, score, select, domains)
            counted.append(domains)
            collected, classifier = this.collected, ""
            if number < MAX_ITERATIONS:
                ask = AskAnnotatorOperator(
                    iteration=number, previous=str(annotations), retries=3, pre_execute=stop_after(number)
                )
                annotate = PythonJobOperator(
                    task_id="annotate",
                    module="mathmill.corpus.annotate",
                    out=str(this.annotations),
                    options={
                        "reuse": EARLIER_RUNS,
                        "domains": str(this.domains),
                        "previous": str(annotations),
                        "decisions": answered(ask.task_id),
                    },
                )
                annotations = this.annotations
                grow = corpus_job(
                    "grow",
                    "grow",
                    this.seed,
                    seed=seed,
                    pages=build.unique,
                    collected=collected,
                    annotations=annotations,
                )
                chain(domains, ask, annotate, grow)
                seed, before = this.seed, grow

    decontaminate = corpus_job(
        "decontaminate",
        "decontaminate",
        build.decontaminated,
        pages=LAST_COLLECTED,
        previous=planned_input("decontaminated"),
    )
    # Waits for the skipped iterations too, so that it starts from the last one that ran.
    decontaminate.trigger_rule = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    tokenize = corpus_job(
        "tokenize", "tokenization", build.tokens, corpus=build.corpus, previous=planned_input("tokens")
    )
    report = PythonJobOperator(
        task_id="report", module="mathmill.corpus.report", out=str(build.summary), arguments=["--build", RUN_OUT]
    )
    publish = PublishOperator(makes="corpus", record=str(build.tokens))
    chain(counted, decontaminate, tokenize, report, publish, StartNextOperator(next_dag="pretrain", makes="corpus"))
