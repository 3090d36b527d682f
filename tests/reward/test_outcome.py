"""Pairs of right and wrong solutions."""

from mathmill.reward.outcome import pairs_of_questions
from mathmill.reward.solutions import Judged


def judged(question: str, verdicts: str) -> list[Judged]:
    return [
        Judged(question, question, "1", f"{question}{number}", right=mark == "+", held_out=False)
        for number, mark in enumerate(verdicts)
    ]


def test_pairs_are_of_one_question_and_leave_no_solution_out():
    found = pairs_of_questions([*judged("a", "+-++"), *judged("b", "---"), *judged("c", "+"), *judged("d", "--+")])
    assert [(right.solution, wrong.solution) for right, wrong in found] == [
        ("a0", "a1"),
        ("a2", "a1"),
        ("a3", "a1"),
        ("d2", "d0"),
        ("d2", "d1"),
    ]
    assert all(right.right and not wrong.right for right, wrong in found)


def test_two_answers_to_one_wording_are_two_questions():
    one = Judged("x", "2 + 2?", "4", "s", right=True, held_out=False)
    other = Judged("y", "2 + 2?", "11", "t", right=False, held_out=False)
    assert pairs_of_questions([one, other]) == []
