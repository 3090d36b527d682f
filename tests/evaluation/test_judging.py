"""Verdicts and figures on completions written by hand."""

from pathlib import Path

import pytest

from mathmill.evaluation.drawing_plan import Drawn, DrawnQuestion, plan_drawing
from mathmill.evaluation.judging import Judge
from mathmill.evaluation.models import EvaluatedModel
from mathmill.evaluation.tasks import Task
from mathmill.grading.grader import Grader
from mathmill.recipe_file import load_recipe
from mathmill.recipe_questions import FileSource
from mathmill.recipe_tasks import FewShotRecipe, TaskRecipe

COT = FewShotRecipe(template="Q: {question}\nA:", answer=r"answer is (.+?)\.?$", shots=[])


@pytest.fixture
def judged(tmp_path):
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(f'{{"question": "{n}+{n}?", "answer": "{2 * n}", "level": "1"}}\n' for n in range(1, 4)))
    source = FileSource(kind="file", path=str(path))
    task = Task(name="sums", recipe=TaskRecipe(source=source, few_shot={"cot": COT}), source=source)
    recipe = load_recipe("demo")

    def judged(role, script):
        model = EvaluatedModel(Path("/model"), role, role)
        plan, (questions,) = plan_drawing(recipe, [model], [task], form="cot", samples=len(script[0]), reward=None)
        drawn = [DrawnQuestion("asked", [Drawn(text, "stop", 7) for text in texts]) for texts in script]
        with Grader() as grader:
            return Judge(plan, grader, None).judge(model, task, questions, drawn)

    return judged


def test_figures_of_several_samples(judged):
    script = [
        ["\\boxed{2}", "\\boxed{2.0}", "\\boxed{3}"],
        ["it is \\boxed{4}.", "\\boxed{5}", "\\boxed{5}"],
        ["no", "\\boxed{7}", "\\boxed{1}"],
    ]
    result, items = judged("rl", script)
    assert (result.score.n, result.score.samples) == (3, 3)
    assert result.score.accuracy == pytest.approx(3 / 9)
    (two,) = [one for one in result.score.several if one.k == 2]
    # Pairs: 2 and 2.0 begin all three of the first question's; 4 begins two of the second's, and wins its draws.
    assert (two.majority.share, two.passed.share) == pytest.approx(((1 + 2 / 3 + 0) / 3, (1 + 2 / 3 + 0) / 3))
    assert result.outcomes == {"right": 3, "wrong": 5, "missing": 1, "unparsable": 0, "timed_out": 0, "failed": 0}
    assert [item.answer for item in items] == ["2", "2.0", "3", "4", "5", "5", None, "7", "1"]
    assert [(item.question_id, item.sample) for item in items[:4]] == [
        ("sums/1", 0),
        ("sums/1", 1),
        ("sums/1", 2),
        ("sums/2", 0),
    ]


def test_a_base_models_answer_is_read_as_its_examples_give_it(judged):
    script = [["The answer is 2."], ["The answer is 1.\nNo: the answer is 4.\n"], ["\\boxed{6}"]]
    result, items = judged("base", script)
    assert [item.answer for item in items] == ["2", "4", None]
    assert result.score.accuracy == pytest.approx(2 / 3)
