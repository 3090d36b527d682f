"""Labels of steps, and the beginnings that solutions share."""

import pytest

from mathmill.reward.completions import prefixes_of, step_label
from mathmill.reward.solutions import Judged
from mathmill.training.chat import answer_ids, prompt_ids


@pytest.mark.parametrize(
    ("right", "hard", "soft"),
    [
        ([True, False, False, True], 1.0, 0.5),
        ([False] * 8, 0.0, 0.0),
        ([True] * 3, 1.0, 1.0),
        ([False, True], 1.0, 0.5),
    ],
)
def test_labels_from_completions(right, hard, soft):
    assert step_label(right, "hard") == hard
    assert step_label(right, "soft") == soft


def judged(solution: str, question: str = "1 + 2 + 3?") -> Judged:
    return Judged("q", question, "6", solution, right=True, held_out=False)


def test_a_prefix_is_what_the_completer_has_written_so_far(tokenizer):
    steps = ["1 + 2 = 3", "3 + 3 = 6", "\\boxed{6}"]
    first, second = prefixes_of(judged("\n".join(steps)), steps, tokenizer, "!")
    prompt = prompt_ids(tokenizer, "1 + 2 + 3?", "!")
    assert tokenizer.decode(first.token_ids) == tokenizer.decode(prompt) + " 1 + 2 = 3"
    assert list(second.token_ids) == prompt + answer_ids(tokenizer, "1 + 2 = 3\n3 + 3 = 6")[:-1]
    assert (second.text, second.gold) == ("1 + 2 = 3\n3 + 3 = 6", "6")


def test_solutions_that_begin_alike_share_a_prefix(tokenizer):
    one = prefixes_of(judged(""), ["1 + 2 = 3", "3 + 3 = 6", "\\boxed{6}"], tokenizer, "")
    other = prefixes_of(judged(""), ["1 + 2 = 3", "3 + 3 = 7", "\\boxed{7}"], tokenizer, "")
    elsewhere = prefixes_of(judged("", "2 + 1 + 3?"), ["1 + 2 = 3", "\\boxed{6}"], tokenizer, "")
    assert one[0] == other[0]
    assert len({*one, *other, *elsewhere}) == 4


def test_a_solution_of_one_step_has_nothing_to_complete(tokenizer):
    assert prefixes_of(judged("\\boxed{6}"), ["\\boxed{6}"], tokenizer, "") == []
