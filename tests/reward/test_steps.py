"""Steps are the lines of real solutions, and a step's end token is its last one, however the tokenizer cuts lines."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.questions import load_questions
from mathmill.recipe_questions import FileSource
from mathmill.reward.steps import split_steps, step_tokens
from mathmill.training.chat import answer_ids

LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]) | st.just(" "), min_size=1).filter(
    lambda text: text.strip() == text and not {"$", "\\", "<", "\ufffd"} & set(text)
)


@pytest.mark.parametrize(
    ("solution", "steps"),
    [
        ("4 + 0 = 4\n4 + 5 = 9\n\\boxed{9}", ["4 + 0 = 4", "4 + 5 = 9", "\\boxed{9}"]),
        ("\n one\n\n  two \n\n", ["one", "  two"]),
        ("", []),
        (" \n ", []),
        ("Then\n\\[\nx = 2\n\n\\]\nso 2.", ["Then", "\\[\nx = 2\n\n\\]", "so 2."]),
        ("$$\nx = 2\n$$\nso $$x$$.\n2", ["$$\nx = 2\n$$", "so $$x$$.", "2"]),
        ("\\begin{align*}\na &= 1 \\\\[4pt]\nb &= 2\n\\end{align*}\nDone.",
         ["\\begin{align*}\na &= 1 \\\\[4pt]\nb &= 2\n\\end{align*}", "Done."]),
        ("cut within \\[\nx = ", ["cut within \\[\nx ="]),
    ],
)  # fmt: skip
def test_steps_are_lines(solution, steps):
    assert split_steps(solution) == steps


@pytest.mark.shared
def test_steps_of_gsm8k(shared_data):
    path = shared_data / "benchmarks" / "gsm8k" / "test.jsonl"
    first = next(iter(load_questions(FileSource(kind="file", path=str(path), layout="gsm8k", limit=1))))
    assert split_steps(first.solution) == [
        "Janet sells 16 - 3 - 4 = 9 duck eggs a day.",
        "She makes 9 * 2 = $18 every day at the farmer’s market.",  # noqa: RUF001 - as published
        "\\boxed{18}",
    ]


@pytest.mark.shared
def test_formulas_of_math_stay_whole(shared_data):
    source = FileSource(kind="file", path=str(shared_data / "benchmarks" / "math" / "test.jsonl"), layout="math")
    solutions = [question.solution for question in load_questions(source)]
    multiline = [one for one in solutions if "\\begin{align" in one]
    assert len(multiline) > 500
    for solution in multiline:
        for step in split_steps(solution):
            assert step.count("\\begin{align") == step.count("\\end{align")
    steps = [len(split_steps(solution)) for solution in solutions]
    assert max(steps) > 10 > sum(steps) / len(steps) > 2


@given(st.lists(LINE, min_size=1, max_size=5))
def test_steps_together_are_the_solution(lines):
    assert split_steps("\n\n".join(lines)) == lines


@given(steps=st.lists(LINE | st.sampled_from(["So 7.", "答案是 5。", "= 12."]), min_size=1, max_size=6))
def test_a_step_ends_at_its_last_token(any_tokenizer, steps):
    ids, ends = step_tokens(any_tokenizer, steps)
    assert ids == answer_ids(any_tokenizer, "\n".join(steps))
    for number, end in enumerate(ends, start=1):
        before = " " + "\n".join(steps[:number])
        assert any_tokenizer.decode(ids[: end + 1]).rstrip("\n") == before
        # Without its last token the step is not whole.
        assert not any_tokenizer.decode(ids[:end]).startswith(before)


def test_a_line_break_may_be_joined_to_a_step(joining_tokenizer):
    ids, ends = step_tokens(joining_tokenizer, ["So 7.", "\\boxed{12}"])
    assert joining_tokenizer.decode(ids[ends[0]]) == ".\n"
    assert joining_tokenizer.decode(ids[ends[1] + 1 :]) == joining_tokenizer.eos_token


@pytest.mark.shared
def test_real_solutions_end_where_their_lines_end(shared_data, any_tokenizer):
    source = FileSource(kind="file", path=str(shared_data / "benchmarks" / "math" / "test.jsonl"), layout="math")
    for question in islice(load_questions(source), 0, 5000, 50):
        steps = split_steps(question.solution)
        ids, ends = step_tokens(any_tokenizer, steps)
        assert ends == sorted(set(ends))
        for number, end in enumerate(ends, start=1):
            assert any_tokenizer.decode(ids[: end + 1]).rstrip("\n") == " " + "\n".join(steps[:number])
