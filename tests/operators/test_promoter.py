"""What a person is asked before models become champions, and what the answer makes `mathmill promote` do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from mathmill.evaluation.accuracy import Score
from mathmill.evaluation.promote import promote
from mathmill.evaluation.results import Result, write_results
from mathmill.grading.grader import OUTCOMES
from mathmill.recipe_file import load_recipe
from mathmill.tracking.task_run import task_run
from operators.plan import Plan
from operators.promoter import ACCURACY, KEEP, MODELS, PROMOTE, AskPromoterOperator

PERSON = {"evaluation.promotion": "person", "evaluation.promotion.response_timeout": 2}
CONTEXT: Any = {"task_instance": SimpleNamespace(id="ti")}


@pytest.fixture
def evaluated(tmp_path: Path) -> Callable[[str], Path]:
    """Register a model of the recipe `demo` and return a finished evaluation of it."""

    def make(name: str) -> Path:
        model, out = tmp_path / name, tmp_path / f"{name}-evaluation"
        model.mkdir()
        out.mkdir()
        with task_run(load_recipe("demo"), "rl") as run:
            run.register_model(model, "demo", "rl", {})
        score = Score(100, 1, 0.5, 0.4, 0.6)
        result = Result(str(model), "rl", "rl", "sums", "cot", score, dict.fromkeys(OUTCOMES, 0), cut=0)
        write_results(out, [result], [])
        (out / "_SUCCESS").touch()
        return out

    return make


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests that Airflow was to show."""
    requests: list[dict[str, Any]] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **request: requests.append(request))
    return requests


def _operator(evaluation: Path, overrides: dict[str, Any]) -> AskPromoterOperator:
    plan = json.dumps(Plan("demo", "demo", overrides, str(evaluation)).to_xcom())
    return AskPromoterOperator(evaluation=str(evaluation), plan=plan)


def _answer(chosen: str, models: list[str] | None, name: str | None = "ann") -> dict[str, str] | None:
    operator = _operator(Path("/evaluation"), PERSON)
    event = {
        "chosen_options": [chosen],
        "params_input": {MODELS: models},
        "responded_at": datetime(2026, 11, 25, tzinfo=UTC),
        "responded_by_user": {"id": name, "name": name} if name else None,
    }
    return operator.execute_complete(CONTEXT, event)


def test_by_default_nobody_is_asked(evaluated: Callable[[str], Path], asked: list[dict[str, Any]]) -> None:
    assert _operator(evaluated("a"), {}).execute(CONTEXT) is None
    assert asked == []


def test_a_person_sees_the_table_and_may_choose_the_models(
    evaluated: Callable[[str], Path], asked: list[dict[str, Any]]
) -> None:
    operator = _operator(evaluated("a"), PERSON)
    with pytest.raises(TaskAwaitingInput) as waiting:
        operator.execute(CONTEXT)
    assert waiting.value.timeout is not None
    assert waiting.value.timeout.total_seconds() == 2 * 3600
    (request,) = asked
    assert (request["options"], request["defaults"]) == ([PROMOTE, KEEP, ACCURACY], [ACCURACY])
    assert "| sums (cot) | 50.0% [40.0, 60.0] on 100 |" in request["body"]
    assert "within 2 hours" in request["body"]
    assert request["params"][MODELS]["value"] == ["demo-rl/1"]


def test_champions_are_not_asked_about(evaluated: Callable[[str], Path], asked: list[dict[str, Any]]) -> None:
    evaluation = evaluated("a")
    promote(evaluation, "demo")
    assert _operator(evaluation, PERSON).execute(CONTEXT) is None
    assert asked == []


def test_a_model_outside_the_registry_fails_at_once(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    score = Score(1, 1, 1.0, 0.2, 1.0)
    result = Result("/nowhere", "rl", "rl", "sums", "cot", score, dict.fromkeys(OUTCOMES, 0), cut=0)
    write_results(tmp_path, [result], [])
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(AirflowFailException, match="the registry has no demo-rl at /nowhere"):
        _operator(tmp_path, PERSON).execute(CONTEXT)
    assert asked == []


@pytest.mark.parametrize(
    ("chosen", "models", "decision"),
    [
        (PROMOTE, ["demo-base/1", "demo-rl/3"], {"crown": "demo-base/1,demo-rl/3", "by": "ann"}),
        (PROMOTE, None, {"crown": "none", "by": "ann"}),
        (KEEP, ["demo-rl/3"], {"crown": "none", "by": "ann"}),
        (ACCURACY, ["demo-rl/3"], None),
    ],
)
def test_the_answer_is_what_is_promoted(chosen: str, models: list[str] | None, decision: dict[str, str] | None) -> None:
    assert _answer(chosen, models) == decision


def test_without_an_answer_in_time_accuracy_decides() -> None:
    assert _answer(ACCURACY, [], name=None) is None
