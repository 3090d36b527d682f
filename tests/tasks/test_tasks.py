"""The tasks of the project: where their questions are, and what the paper says of them."""

import json
from pathlib import Path

import pytest

from mathmill.evaluation.prompts import read_answer
from mathmill.evaluation.tasks import choose_tasks
from mathmill.grading.equality import is_right
from mathmill.grading.grader import Grader
from mathmill.grading.paper.grading import grade_as_published
from mathmill.grading.paper.rules import PAPER_RULES
from mathmill.home import CHECKOUT
from mathmill.questions import load_questions
from mathmill.questions.question import Question
from mathmill.recipe import Recipe
from mathmill.recipe_questions import HuggingFaceSource
from mathmill.task_file import load_task, task_source

DOCUMENTATION = CHECKOUT / "docs" / "tasks.md"

ROWS = {
    "gsm8k": 1319,
    "math": 5000,
    "math500": 500,
    "mgsm_zh": 250,
    "cmath": 1098,
    "sat": 32,
    "sat_math": 220,
    "ocw": 272,
    "mmlu_stem": 3018,
    "gaokao_mathcloze": 118,
    "gaokao_mathqa": 351,
    "svamp": 1000,
    "asdiv": 2215,
    "mawps": 2065,
    "gsm_hard": 1319,
    "mathqa": 1000,
    "aqua_rat": 254,
    "aime24": 30,
    "amc23": 40,
}
"""Questions of each file, as the data's own README counts them."""
REPEATED = {"cmath": 1, "gaokao_mathcloze": 2, "gaokao_mathqa": 3, "mmlu_stem": 12, "asdiv": 1, "mawps": 84}
"""Rows that say again what another one says, which is asked once."""
CHOICES = ("sat", "sat_math", "mmlu_stem", "gaokao_mathqa", "aqua_rat", "mathqa")
PUBLISHED = {
    ("DeepSeekMath-Base", "gsm8k-cot-test", "cot"): ("gsm8k", "base", "cot"),
    ("DeepSeekMath-Base", "gsm8k-pal-test", "tool"): ("gsm8k", "base", "pot"),
    ("DeepSeekMath-Base", "math-cot-test", "cot"): ("math", "base", "cot"),
    ("DeepSeekMath-Base", "math-pal-test", "tool"): ("math", "base", "pot"),
    ("DeepSeekMath-Base", "OCWCourses", "cot"): ("ocw", "base", "cot"),
    ("DeepSeekMath-Base", "math_sat", "cot"): ("sat", "base", "cot"),
    ("DeepSeekMath-Base", "MMLU-STEM-test", "cot"): ("mmlu_stem", "base", "cot"),
    ("DeepSeekMath-Base", "cmath-cot-test", "cot"): ("cmath", "base", "cot"),
    ("DeepSeekMath-Base", "agieval-gaokao-mathcloze-cot-test", "cot"): ("gaokao_mathcloze", "base", "cot"),
    ("DeepSeekMath-Base", "agieval-gaokao-mathqa-cot-test", "cot"): ("gaokao_mathqa", "base", "cot"),
    **{
        (f"DeepSeekMath-{model}", theirs, form): (ours, role, form)
        for model, role in (("Instruct", "instruct"), ("RL", "rl"))
        for theirs, ours in (
            ("gsm8k-test", "gsm8k"),
            ("math-test", "math"),
            ("cmath", "cmath"),
            ("mgsm-zh", "mgsm_zh"),
        )
        for form in ("cot", "tool")
    },
}
"""Model, set and form of the published results; task, role and form of ours."""


def test_tasks_are_told_as_the_paper_grades_them(tasks):
    assert {task.rules for task in tasks.values()} <= PAPER_RULES.keys()


@pytest.mark.parametrize("name", ROWS)
def test_sources_are_of_the_hub(tasks, name):
    """But for MAWPS, which has no edition there that is complete."""
    task = tasks[name]
    assert isinstance(task.source, HuggingFaceSource) == (name != "mawps")
    assert task.source.limit is None


@pytest.mark.shared
@pytest.mark.parametrize("name", ROWS)
def test_published_files_are_read(tasks, name, shared_data):
    questions = load_questions(task_source(tasks[name], name, str(shared_data / "benchmarks"), None))
    assert len(questions) == ROWS[name] - REPEATED.get(name, 0)
    if name in CHOICES:
        assert set("".join(one.answer for one in questions)) <= set("ABCDE ")


@pytest.mark.shared
def test_the_papers_figures_are_the_published_ones(tasks, shared_data):
    """To the decimal that the paper gives, but for one that it gives otherwise."""
    path = shared_data / "benchmarks" / "deepseekmath_files" / "evaluation_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    published = {
        ours: round(100 * results[model][theirs][form]["accuracy"], 1)
        for (model, theirs, form), ours in PUBLISHED.items()
    }
    ours = {
        (name, role, form): accuracy
        for name, task in tasks.items()
        for role, accuracies in task.paper.items()
        for form, accuracy in accuracies.items()
        if name in ROWS
    }
    assert {key: (ours[key], published[key]) for key in published if ours[key] != published[key]} == {
        ("math", "instruct", "tool"): (57.4, 57.5)
    }
    assert set(ours) == set(published)


def test_the_published_rules_read_our_examples(tasks):
    """So a base model that answers as it is shown gets a verdict from both graders."""
    with Grader(processes=1) as grader:
        for name in ROWS:
            task = tasks[name]
            few_shot = task.few_shot["cot"]
            questions = [
                Question(
                    id=str(place),
                    question=shot.question,
                    answer=shot.answer,
                    solution=None,
                    source=name,
                    language="en",
                )
                for place, shot in enumerate(few_shot.shots)
            ]
            solutions = [shot.solution for shot in few_shot.shots]
            rules = PAPER_RULES[task.rules]
            verdicts = grade_as_published(grader, solutions, questions, rules, few_shot=True)
            assert [one.outcome for one in verdicts] == ["right"] * len(questions), (name, verdicts)


def test_the_example_of_the_documentation_is_a_task(tmp_path, monkeypatch):
    page = DOCUMENTATION.read_text(encoding="utf-8")
    (yaml,) = [block.split("```")[0] for block in page.split("```yaml\n")[1:]]
    (rows,) = [block.split("```")[0] for block in page.split("```json\n")[1:]]
    monkeypatch.chdir(tmp_path)
    Path("fractions.yaml").write_text(yaml, encoding="utf-8")
    Path("fractions.jsonl").write_text(rows, encoding="utf-8")
    (task,) = choose_tasks(Recipe(name="t"), "fractions.yaml", None)
    questions = load_questions(task.source)
    assert task.name == "fractions"
    assert len(questions) == 2
    assert all(is_right(one.answer, one.answer) for one in questions)
    for shot in load_task("fractions.yaml").few_shot["cot"].shots:
        assert shot.solution.endswith(f"The answer is ${shot.answer}$.")


def test_the_table_of_the_documentation_is_right(tasks):
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
        for line in DOCUMENTATION.read_text(encoding="utf-8")
        .split("## Those there are")[1]
        .split("\n## ")[0]
        .splitlines()
        if line.startswith("| `")
    ]
    assert {row[0] for row in rows} == ROWS.keys()
    for name, questions, cot, pot, stop, sentence, tolerance, rules in rows:
        task, numbers = tasks[name], [int(number.replace(",", "")) for number in questions.split(" of ")]
        assert (numbers[0], numbers[-1]) == (ROWS[name] - REPEATED.get(name, 0), ROWS[name])
        assert (rules, float(tolerance or 0)) == (task.rules, task.tolerance)
        if cot in ROWS:
            assert task.few_shot == tasks[cot].few_shot
            assert pot == (cot if "pot" in task.few_shot else "")
            continue
        assert {"cot": cot, "pot": pot} == {
            form: str(len(task.few_shot[form].shots)) if form in task.few_shot else "" for form in ("cot", "pot")
        }
        chain = task.few_shot["cot"]
        assert [one.strip() for one in stop.split(",")] == [one.strip() for one in chain.stop]
        assert read_answer(sentence, chain) in ("6", "B")
