"""From web pages to a mathematical corpus.

1. **ingest** reads the WARC files of `corpus.input`; **dedup** drops pages that stand twice, or nearly so.
2. Each **iteration** trains the fastText classifier on the seed, scores every page, keeps the best within a token
   budget, and counts by domain. Then it decides which URL prefixes of math-related domains are mathematics
   (**annotate**) and adds their uncollected pages to the next iteration's seed (**grow**). Iterations past the recipe's
   last one, or after mining has converged, are skipped.
3. **decontaminate** removes pages that hold benchmark text; **tokenize** makes training shards; **report** closes the
   build; **publish** starts `pretrain`.

Runs monthly, and by hand with any recipe. Source: DeepSeekMath, section 2.1.
"""

from pathlib import Path

from airflow.sdk import TaskGroup, TriggerRule, chain

from mathmill.corpus.layout import Build
from mathmill.recipe_corpus import MAX_ITERATIONS
from operators.close_build import CloseBuildOperator
from operators.job import PythonJobOperator, SparkJobOperator
from operators.mill_dag import mill_dag
from operators.mining import LAST_COLLECTED, stop_after
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator
from operators.publish import PublishOperator

build = Build(Path(RUN_OUT))


def corpus_job(task_id: str, module: str, out: Path, **inputs: object) -> SparkJobOperator:
    """A Spark job of `mathmill.corpus`; `inputs` are its options."""
    arguments = [str(word) for name, value in inputs.items() for word in (f"--{name}", value)]
    return SparkJobOperator(task_id=task_id, module=f"mathmill.corpus.{module}", out=str(out), arguments=arguments)


with mill_dag("corpus_refresh", doc=__doc__, schedule="@monthly", tags=["corpus", "spark"], paused=True):
    prepare = PrepareOperator(makes="corpus")
    ingest = corpus_job("ingest", "ingest", build.ingested)
    dedup = corpus_job("dedup", "dedup", build.unique, pages=build.ingested)
    chain(prepare, ingest, dedup)

    seed, before, counted = planned_input("seed"), dedup, []
    for number in range(1, MAX_ITERATIONS + 1):
        this = build.iteration(number)
        known = {"previous": build.iteration(number - 1).collected} if number > 1 else {}
        with TaskGroup(f"iteration_{number}"):
            classify = corpus_job("classify", "classify", this.classifier, seed=seed, pages=build.unique)
            score = corpus_job("score", "score", this.scores, pages=build.unique, classifier=this.classifier)
            select = corpus_job(
                "select", "selection", this.collected, pages=build.unique, scores=this.scores, iteration=number, **known
            )
            domains = corpus_job("domains", "domains", this.domains, pages=build.unique, collected=this.collected)
            chain(before, classify, score, select, domains)
            counted.append(domains)
            if number < MAX_ITERATIONS:
                annotate = PythonJobOperator(
                    task_id="annotate",
                    module="mathmill.corpus.annotate",
                    out=str(this.annotations),
                    arguments=["--domains", str(this.domains)],
                    pre_execute=stop_after(number),
                )
                grow = corpus_job(
                    "grow",
                    "grow",
                    this.seed,
                    seed=seed,
                    pages=build.unique,
                    collected=this.collected,
                    annotations=this.annotations,
                )
                chain(domains, annotate, grow)
                seed, before = str(this.seed), grow

    decontaminate = corpus_job("decontaminate", "decontaminate", build.decontaminated, pages=LAST_COLLECTED)
    # Waits for the skipped iterations too, so that it starts from the last one that ran.
    decontaminate.trigger_rule = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    tokenize = corpus_job("tokenize", "tokenization", build.tokens, corpus=build.corpus)
    report = CloseBuildOperator(task_id="report")
    publish = PublishOperator(makes="corpus", record=str(build.tokens))
    chain(counted, decontaminate, tokenize, report, publish)
