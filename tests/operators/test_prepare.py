"""The first task settles the recipe with what the form changes, or refuses it by the name of the key."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from mathmill import home
from mathmill.corpus.layout import Build
from mathmill.errors import UserError
from operators.plan import Plan
from operators.prepare import PrepareOperator


def _plan(**request: Any) -> Plan:
    return PrepareOperator(makes="corpus").plan("manual__2026", {"recipe": "demo", "overrides": {}, **request})


def test_fields_and_overrides_are_the_plan_s() -> None:
    plan = _plan(**{"corpus.iterations": 1, "corpus.min_score": None, "overrides": {"seed": 3}})
    assert plan.overrides == {"corpus.iterations": 1, "seed": 3}
    assert (plan.load().corpus.iterations, plan.load().seed) == (1, 3)


def test_what_no_field_can_tell_alone_is_refused_by_the_keys_names() -> None:
    with pytest.raises(UserError, match=r"tokens has 2 budgets for 3 iterations"):
        _plan(**{"corpus.iterations": 3})


def test_a_section_written_as_its_mode_takes_its_other_keys_too() -> None:
    plan = _plan(**{"overrides": {"corpus.annotation": "person"}, "corpus.annotation.response_timeout": 2})
    annotation = plan.load().corpus.annotation
    assert (annotation.mode, annotation.response_timeout) == ("person", 2)


def _build(name: str, order: int, crawls: list[str]) -> Build:
    """A finished build of the recipe `demo`, as far as a refresh looks at it."""
    build = Build(home.outputs("demo", "corpus") / name)
    first = build.iteration(1)
    for stage, arguments in ((first.classifier, {"seed": "seed.jsonl"}), (first.collected, {})):
        stage.mkdir(parents=True)
        (stage / "_SUCCESS").touch()
        record = dict.fromkeys(
            ("stage", "recipe", "recipe_digest", "mlflow_run_id", "mlflow_experiment_id", "finished")
        )
        (stage / "job.json").write_text(json.dumps({**record, "arguments": arguments, "figures": {}, "seconds": 1}))
    build.report.write_text(json.dumps({"crawls": {crawl: {"files": 1, "build": name} for crawl in crawls}}))
    (build.root / "_SUCCESS").touch()
    os.utime(build.root / "_SUCCESS", (order, order))
    return build


def _context(crawl: str | None, events: list[dict[str, Any]], params: Any = None, run_id: str = "now") -> Any:
    told = [
        SimpleNamespace(extra=extra, timestamp=datetime.fromtimestamp(number, UTC))
        for number, extra in enumerate(events)
    ]
    return {
        "run_id": run_id,
        "params": params or {"recipe": "small-crawl", "overrides": {}, "previous": None},
        "triggering_asset_events": {"crawls": told} if told else {},
        "partition_key": crawl,
    }


def _prepared(context: Any) -> Plan:
    return Plan(**PrepareOperator(makes="corpus").execute(context))


OLD, NEW = "CC-MAIN-2026-02", "CC-MAIN-2026-06"
EVENT = {"recipe": "demo", "overrides": {"seed": 3, "corpus.input": ["mine.warc"]}}


def test_a_crawl_s_run_reads_the_crawl_with_the_event_s_recipe() -> None:
    plan = _prepared(_context(NEW, [{"recipe": "small-crawl", "overrides": {}}, EVENT]))
    assert (plan.name, plan.overrides) == ("demo", {"seed": 3, "corpus.input": [NEW]})
    assert plan.inputs["seed"] == plan.load().corpus.seed
    assert plan.inputs["unique"] == "", "there is nothing to refresh"


def test_a_crawl_s_run_refreshes_the_newest_build() -> None:
    _build("a", 1, [OLD])
    newest = _build("b", 3, [OLD, "CC-MAIN-2026-03"])
    _build("c", 2, [OLD])
    plan = _prepared(_context(NEW, [EVENT]))
    assert (plan.inputs["unique"], plan.inputs["seed"]) == (str(newest.unique), "seed.jsonl")


def test_a_crawl_that_the_build_holds_is_skipped_with_one_line() -> None:
    build = _build("a", 1, [OLD, NEW])
    with pytest.raises(AirflowSkipException, match=rf"^{build.root} holds {OLD} already: it is not mined again$"):
        _prepared(_context(OLD, [EVENT]))


def test_a_cleared_run_has_the_plan_that_it_had() -> None:
    earlier = _build("a", 1, [OLD])
    before = _prepared(_context(NEW, [EVENT], run_id="refresh"))
    _build(Path(before.out).name, 2, [OLD, NEW])
    assert _prepared(_context(NEW, [EVENT], run_id="refresh")) == before
    assert before.inputs["unique"] == str(earlier.unique)


def test_by_hand_a_build_is_refreshed_where_it_is_asked_for() -> None:
    build = _build("a", 1, [OLD])
    form = {"recipe": "demo", "overrides": {"corpus.input": [OLD]}}
    assert _prepared(_context(None, [], {**form, "previous": None})).inputs["unique"] == ""
    for previous in ("newest", str(build.root)):
        assert _prepared(_context(None, [], {**form, "previous": previous})).inputs["unique"] == str(build.unique)


def test_a_partition_started_by_hand_has_the_form_s_recipe() -> None:
    plan = _prepared(_context(NEW, [], {"recipe": "demo", "overrides": None, "previous": None}))
    assert (plan.name, plan.overrides) == ("demo", {"corpus.input": [NEW]})
