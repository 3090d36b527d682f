"""A person who promotes sees both models' figures, and how far they are apart on the same questions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mathmill.evaluation.accuracy import Proportion, Score
from mathmill.evaluation.promote import candidates, promote
from mathmill.evaluation.proposal import proposal
from mathmill.evaluation.results import Item, Result, write_results
from mathmill.grading.grader import OUTCOMES
from mathmill.home import outputs
from mathmill.recipe_file import load_recipe
from mathmill.tracking.task_run import task_run

Verdicts = Mapping[str, Sequence[bool]]
"""By task, of its questions in order."""


def _model(recipe: Path, name: str) -> Path:
    path = recipe.parent / name
    path.mkdir()
    with task_run(load_recipe(str(recipe)), "rl") as run:
        run.register_model(path, "tiny", "rl", {})
    return path


def _result(model: Path, task: str, verdicts: Sequence[bool]) -> Result:
    seen = Proportion.of(sum(verdicts) / len(verdicts), len(verdicts))
    score = Score(len(verdicts), 1, seen.share, seen.low, seen.high)
    return Result(str(model), "rl", "rl", task, "cot", score, dict.fromkeys(OUTCOMES, 0), cut=0)


def _item(model: Path, task: str, number: int, right: bool) -> Item:
    outcome = "right" if right else "wrong"
    texts = {"question": "?", "gold": "1", "prompt": "?", "completion": "1", "answer": "1"}
    return Item(
        str(model), "rl", task, str(number), sample=0, outcome=outcome, right=right, finish_reason="stop", tokens=1,
        **texts,
    )  # fmt: skip


def _evaluated(name: str, model: Path, verdicts: Verdicts) -> Path:
    out = outputs("tiny", "evaluation") / name
    out.mkdir(parents=True)
    items = [_item(model, task, i, right) for task, rights in verdicts.items() for i, right in enumerate(rights)]
    write_results(out, [_result(model, task, rights) for task, rights in verdicts.items()], items)
    (out / "_SUCCESS").touch()
    return out


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\n", encoding="utf-8")
    return path


def _shown(evaluation: Path) -> list[str]:
    return proposal(list(candidates(evaluation, "tiny")), evaluation, "tiny").splitlines()


def test_the_new_model_and_the_champion_stand_side_by_side(recipe: Path) -> None:
    """Of 20 questions the champion has 10 right, the new one those and 5 more: p = 2 x (1/2)^5."""
    old, new = _model(recipe, "old"), _model(recipe, "new")
    promote(_evaluated("one", old, {"sums": [True] * 10 + [False] * 10}), "tiny")
    title, _, head, _, row, *_ = _shown(_evaluated("two", new, {"sums": [True] * 15 + [False] * 5}))
    assert title == "**tiny-rl**: by accuracy the new one becomes champion."
    assert head == "| task | new: version 2 | champion: version 1 | difference | p |"
    task, ours, theirs, difference, p = (cell.strip() for cell in row.strip("|").split("|"))
    assert task == "sums (cot)"
    # Wilson's interval of 15 of 20 and of 10 of 20.
    assert ours == "75.0% [53.1, 88.8] on 20"
    assert theirs == "50.0% [29.9, 70.1] on 20"
    assert difference.startswith("+25.0 [+")
    assert difference.endswith(" on 20")
    assert p == "0.0625, exact McNemar"


def test_a_worse_model_is_said_to_be_one(recipe: Path) -> None:
    old, new = _model(recipe, "old"), _model(recipe, "new")
    promote(_evaluated("one", old, {"sums": [True] * 4}), "tiny")
    title, *_, row = _shown(_evaluated("two", new, {"sums": [True, True, False, False]}))[:5]
    assert title.endswith("by accuracy the present one stays champion.")
    assert "| -50.0 [" in row


def test_a_task_that_the_champion_never_did_is_not_compared(recipe: Path) -> None:
    old, new = _model(recipe, "old"), _model(recipe, "new")
    promote(_evaluated("one", old, {"sums": [True, False]}), "tiny")
    title, *_, sums, products = _shown(_evaluated("two", new, {"sums": [True, True], "products": [True, False]}))[:6]
    assert "won on other questions" in title
    assert sums.count("%") == 2
    assert products.endswith("| not measured | | |")


def test_without_a_champion_there_is_nothing_beside_the_new_one(recipe: Path) -> None:
    title, _, head, *_ = _shown(_evaluated("one", _model(recipe, "new"), {"sums": [True, False]}))
    assert title.endswith("it becomes the first.")
    assert head == "| task | new: version 1 |"
