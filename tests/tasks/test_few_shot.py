"""Our own solved examples: as many as the paper shows, every one right, none from a benchmark."""

import shutil
from contextlib import ExitStack

import pytest

from mathmill.corpus.contamination import BenchmarkSet
from mathmill.evaluation.equality import is_right
from mathmill.evaluation.prompting import Programs
from mathmill.evaluation.prompts import few_shot_text, read_answer
from mathmill.questions.benchmarks import published_items
from mathmill.questions.question import language_of
from mathmill.recipe import Recipe
from mathmill.recipe_corpus import DecontaminationRecipe
from mathmill.rollout.engine import Completion
from mathmill.task_file import TASKS, load_task

SHOTS = {
    ("gsm8k", "cot"): 8,
    ("gsm8k", "pot"): 8,
    ("math", "cot"): 4,
    ("math", "pot"): 4,
    ("sat", "cot"): 4,
    ("ocw", "cot"): 4,
    ("mmlu_stem", "cot"): 4,
    ("cmath", "cot"): 6,
    ("gaokao_mathcloze", "cot"): 5,
    ("gaokao_mathqa", "cot"): 5,
    # The paper asks tuned models alone; the other sets' numbers of examples are those that are usual.
    ("mgsm_zh", "cot"): 8,
    ("aqua_rat", "cot"): 4,
}
"""Examples of each prompt: section 9 of the paper's evaluation, as far as it has the task."""
CHINESE = ("cmath", "mgsm_zh", "gaokao_mathcloze", "gaokao_mathqa")


def prompts(tasks, form=None):
    """The prompts that tasks have of their own."""
    return {
        (name, of): few_shot
        for name, task in tasks.items()
        if "few_shot:" in (TASKS / f"{name}.yaml").read_text(encoding="utf-8")
        for of, few_shot in task.few_shot.items()
        if form in (None, of)
    }


def test_as_many_examples_are_shown_as_in_the_paper(tasks):
    numbers = {key: len(few_shot.shots) for key, few_shot in prompts(tasks).items()}
    assert {key: numbers.get(key) for key in SHOTS} == SHOTS


def test_word_problems_share_the_prompt_of_gsm8k(tasks):
    for name in ("svamp", "asdiv", "mawps", "gsm_hard"):
        assert tasks[name].few_shot == tasks["gsm8k"].few_shot


def test_every_chain_of_thought_ends_in_its_answer(tasks):
    for (name, _), few_shot in prompts(tasks, "cot").items():
        for shot in few_shot.shots:
            read = read_answer(shot.solution, few_shot)
            assert read == shot.answer, f"{name}: {shot.question}"
            assert is_right(read, shot.answer)


def test_an_answer_is_stated_once(tasks):
    """The published rules read the first statement, ours the last."""
    for (name, _), few_shot in prompts(tasks, "cot").items():
        for shot in few_shot.shots:
            said = sum(shot.solution.count(words) for words in ("answer is", "答案是"))
            assert said == 1, f"{name}: {shot.question}"


def test_chinese_tasks_are_shown_chinese(tasks):
    for (name, _), few_shot in prompts(tasks, "cot").items():
        languages = {language_of(few_shot.template + shot.question + shot.solution) for shot in few_shot.shots}
        assert languages == {"zh" if name in CHINESE else "en"}, name


def test_a_completion_ends_where_the_next_question_would_begin(tasks):
    for (name, form), few_shot in prompts(tasks).items():
        text = few_shot_text(few_shot, "LAST")
        assert text.endswith(few_shot.template.replace("{question}", "LAST")), name
        for shot in few_shot.shots:
            goes_on = few_shot.separator + few_shot.template.replace("{question}", "NEXT")
            assert any(stop in goes_on for stop in few_shot.stop), (name, form)
            assert not any(stop in few_shot.joint + shot.solution for stop in few_shot.stop), (name, form)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="there is no bubblewrap")
def test_every_program_returns_its_answer(tasks):
    own = prompts(tasks, "pot")
    shots = [(name, few_shot, shot) for (name, _), few_shot in own.items() for shot in few_shot.shots]
    with ExitStack() as stack:
        programs = Programs.of("pot", Recipe(name="t"), stack)
        drawn = [Completion([1], [-1.0], "stop", few_shot.joint + shot.solution) for _, few_shot, shot in shots]
        finished = programs.finished(drawn)
    assert len(finished) == 12
    for (name, few_shot, shot), one in zip(shots, finished, strict=True):
        answer = read_answer(one.text, few_shot)
        assert answer is not None, f"{name}: {one.text}"
        assert is_right(answer, shot.answer), f"{name}: {answer} is not {shot.answer}"


@pytest.mark.shared
def test_no_example_shares_ten_words_with_a_benchmark(tasks, shared_data):
    folder = shared_data / "benchmarks"
    items, _ = published_items([str(folder), *(str(folder / name / "train.jsonl") for name in ("gsm8k", "math"))])
    benchmarks = BenchmarkSet.of(items, DecontaminationRecipe())
    shots = {
        f"{name}: {shot.question}": f"{shot.question}\n\n{shot.solution}"
        for (name, _), few_shot in prompts(tasks).items()
        for shot in few_shot.shots
    }
    finds = [(list(shots)[page], find.matched_text, find.items) for page, find in benchmarks.find([*shots.values()])]
    assert finds == []


@pytest.mark.shared
def test_a_leak_would_be_found(shared_data):
    (item, *_), _ = published_items([str(shared_data / "benchmarks" / "gsm8k" / "test.jsonl")])
    benchmarks = BenchmarkSet.of([item], DecontaminationRecipe())
    assert list(benchmarks.find([f"Solve this. {item.texts[0]}"]))


def test_other_examples_serve_by_name(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("source: {kind: file, path: a.jsonl}\nfew_shot_of: gsm8k\n", encoding="utf-8")
    assert load_task(str(path)).few_shot == load_task("gsm8k").few_shot
