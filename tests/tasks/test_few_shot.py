"""Our own solved examples: as many as the paper shows, every one right, none from a benchmark."""
# ruff: noqa: RUF001 -- Chinese has punctuation of its own

from contextlib import ExitStack

import pytest

from mathmill.corpus.contamination import BenchmarkSet
from mathmill.evaluation.prompting import Programs
from mathmill.evaluation.prompts import few_shot_text, read_answer
from mathmill.grading.equality import is_right
from mathmill.questions.benchmarks import BenchmarkItem, published_items
from mathmill.questions.question import language_of
from mathmill.recipe import Recipe
from mathmill.recipe_corpus import DecontaminationRecipe
from mathmill.rollout.engine import Completion
from mathmill.task_file import load_task

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
    return {(name, of): tasks[name].few_shot[of] for name, of in SHOTS if form in (None, of)}


def test_as_many_examples_are_shown_as_in_the_paper(tasks):
    assert {key: len(few_shot.shots) for key, few_shot in prompts(tasks).items()} == SHOTS


def test_word_problems_share_the_prompt_of_gsm8k(tasks):
    for name in ("svamp", "asdiv", "mawps", "gsm_hard"):
        assert tasks[name].few_shot == tasks["gsm8k"].few_shot


def test_every_chain_of_thought_ends_in_its_answer(tasks):
    for (name, _), few_shot in prompts(tasks, "cot").items():
        for shot in few_shot.shots:
            read = read_answer(shot.solution, few_shot)
            assert read == shot.answer, f"{name}: {shot.question}"
            assert is_right(read, shot.answer)


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("gsm8k", "So she has 3 * 400 = 1,200. The answer is $1,200.", "$1,200"),
        ("gsm8k", "The answer is 2.\nWait. The answer is -0.5 metres.", "-0.5"),
        ("gsm8k", "The answer is unknown.", None),
        ("math", "Final Answer: The final answer is $[1,7)$. I hope it is correct.", "[1,7)"),
        ("math", "The answer is $x = \\frac{1}{2}$.", "x = \\frac{1}{2}"),
        ("math", "The answer is 7", "7"),
        ("ocw", "The final answer is $-e^{-t}$. I hope it is correct.", "-e^{-t}"),
        ("ocw", "Final answer: The final answer is 1.6e-3.", "1.6e-3"),
        ("sat", "Final Answer: The final answer is (C). I hope it is correct.", "C"),
        ("mmlu_stem", "The final answer is B", "B"),
        ("cmath", "所以答案是：1.5千克。", "1.5"),
        ("mgsm_zh", "答案是 12。", "12"),
        ("gaokao_mathcloze", "答案是 $-\\frac{1}{3}$", "-\\frac{1}{3}"),
        ("gaokao_mathcloze", "答案是：$(0,1]$。", "(0,1]"),
        ("gaokao_mathqa", "答案是 D", "D"),
        ("gaokao_mathqa", "答案是(A C)", "A C"),
        ("aqua_rat", "The answer is (e).", "e"),
    ],
)
def test_answers_are_read_as_they_are_published_and_as_models_vary_them(tasks, name, text, answer):
    assert read_answer(text, tasks[name].few_shot["cot"]) == answer


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


@pytest.mark.usefixtures("bubblewrap")
def test_every_program_returns_its_answer(tasks):
    own = prompts(tasks, "pot")
    shots = [(name, few_shot, shot) for (name, _), few_shot in own.items() for shot in few_shot.shots]
    with ExitStack() as stack:
        programs = Programs.of("pot", Recipe(name="t"), stack)
        drawn = [Completion([1], [-1.0], "stop", few_shot.joint + shot.solution) for _, few_shot, shot in shots]
        finished = programs.finished(drawn)
    for (name, few_shot, shot), one in zip(shots, finished, strict=True):
        answer = read_answer(one.text, few_shot)
        assert answer is not None, f"{name}: {one.text}"
        assert is_right(answer, shot.answer), f"{name}: {answer} is not {shot.answer}"


def ngrams(tasks):
    """The ten words in a row of our examples, by the rule of the corpus' decontamination."""
    shots = [(name, shot) for (name, _), few_shot in prompts(tasks).items() for shot in few_shot.shots]
    items = [BenchmarkItem(name, shot.question, (shot.question, shot.solution)) for name, shot in shots]
    return BenchmarkSet.of(items, DecontaminationRecipe())


@pytest.mark.shared
def test_no_example_shares_ten_words_with_a_benchmark(tasks, shared_data):
    folder = shared_data / "benchmarks"
    items, _ = published_items([str(folder), *(str(folder / name / "train.jsonl") for name in ("gsm8k", "math"))])
    texts = [*dict.fromkeys(text for item in items for text in item.texts)]
    assert len(texts) > 80_000
    assert [(find.matched_text, find.items) for _, find in ngrams(tasks).find(texts)] == []


def test_a_shared_sentence_would_be_found(tasks):
    question = tasks["gsm8k"].few_shot["cot"].shots[0].question
    assert [*ngrams(tasks).find([f"Someone asks: {question.upper()} Or so."])]


def test_other_examples_serve_by_name(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("source: {kind: file, path: a.jsonl}\nfew_shot_of: gsm8k\n", encoding="utf-8")
    assert load_task(str(path)).few_shot == load_task("gsm8k").few_shot
