"""When a person is asked, and what becomes of the answer."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from mathmill.corpus.layout import Build
from mathmill.corpus.question import ANSWER, DECISIONS, THRESHOLDS, Question
from mathmill.corpus.view.drafts import freeze_draft, save_draft
from operators.annotator import AskAnnotatorOperator
from operators.plan import Plan
from tests.plugins.written_build import RUN_ID, write_waiting_build

ANN = {"id": "7", "name": "ann"}


@pytest.fixture
def build(tmp_path: Path) -> Build:
    made = write_waiting_build(tmp_path)
    made.iteration(1).question.unlink()
    return made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Airflow is told to ask."""
    questions: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **question: questions.append(question)
    )
    return questions


def _operator(build: Build, mode: str, previous: str = "") -> AskAnnotatorOperator:
    overrides = {"corpus.annotation": {"mode": mode, "response_timeout": 2.0}}
    plan = Plan("demo", "demo", overrides, str(build.root))
    operator = AskAnnotatorOperator(iteration=1, previous=previous)
    operator.plan = json.dumps(plan.to_xcom())
    return operator


def _context() -> Any:
    ti = SimpleNamespace(id="1", dag_id="corpus_refresh", run_id=RUN_ID, task_id="iteration_1.ask", map_index=-1)
    return {"ti": ti, "task_instance": ti}


def _event(option: str, digest: str = "", who: dict[str, str] | None = ANN) -> dict[str, Any]:
    answer = {"chosen_options": [option], "params_input": {DECISIONS: digest} if digest else {}}
    return {**answer, "responded_at": datetime.now(UTC), "responded_by_user": who, "timedout": who is None}


def test_unattended_nobody_is_asked(build: Build, asked: list[dict[str, Any]]) -> None:
    assert _operator(build, "auto").execute(_context()) is None
    assert asked == []
    assert not build.iteration(1).question.exists()


def test_a_person_is_waited_for_outside_of_any_worker(build: Build, asked: list[dict[str, Any]]) -> None:
    with pytest.raises(TaskAwaitingInput) as parked:
        _operator(build, "person").execute(_context())
    assert parked.value.timeout.total_seconds() == 2 * 3600
    (question,) = asked
    assert question["options"] == [ANSWER, THRESHOLDS]
    assert question["defaults"] == [THRESHOLDS]
    assert f"/corpus/builds/demo/{build.root.name}/annotate/1" in question["body"]
    assert question["params"][DECISIONS]["schema"] == {"type": ["string", "null"]}, "Airflow's form leaves it empty"
    left = Question.read(build.iteration(1).question)
    assert (left.run_id, left.task_id, left.min_pages) == (RUN_ID, "iteration_1.ask", 5)


def test_the_answer_is_the_file_that_it_names(build: Build, asked: list[dict[str, Any]]) -> None:
    operator = _operator(build, "person")
    with pytest.raises(TaskAwaitingInput):
        operator.execute(_context())
    save_draft(build.iteration(1), {"site000.example": True}, "ann")
    digest, _ = freeze_draft(build.iteration(1))
    assert operator.execute_complete(_context(), _event(ANSWER, digest)) == str(build.iteration(1).answer(digest))


@pytest.mark.parametrize("who", [ANN, None])
def test_thresholds_decide_when_told_to_or_when_nobody_answers(build: Build, who: dict[str, str] | None) -> None:
    assert _operator(build, "person").execute_complete(_context(), _event(THRESHOLDS, who=who)) is None


@pytest.mark.parametrize("digest", ["0123456789abcdef", "../../draft", ""])
def test_an_answer_without_its_decisions_fails_and_says_so(build: Build, digest: str) -> None:
    with pytest.raises(AirflowFailException, match="answer on the page Corpus"):
        _operator(build, "person").execute_complete(_context(), _event(ANSWER, digest))
