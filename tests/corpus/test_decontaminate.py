"""The paper's rule: ten words in a row, or a short text whole."""

import pytest

from mathmill.corpus.decontaminate import benchmark_index, first_hit
from mathmill.questions import Question
from mathmill.recipe_corpus import DecontaminationRecipe

LONG = "Natalia sold clips to forty eight of her friends in April, and then half as many in May."
SHORT = "Prove the mean value theorem"
SUM = "Calculate 3 + 4 - 5."
CHINESE = "小明有二十五个苹果送给小红十个还剩几个"


def _index() -> object:
    texts = {
        "long": LONG,
        "short": SHORT,
        "zh": CHINESE,
        "tiny": "two words",
        "sum": SUM,
        "digits": "1 2 3 4 5 6 7 8 9 10 11",
    }
    questions = [Question(i, text, "1", None, "bench", "en") for i, text in texts.items()]
    return benchmark_index(questions, DecontaminationRecipe())


@pytest.mark.parametrize(
    ("page", "item"),
    [
        (f"before {LONG} after", "long"),
        ("NATALIA   sold clips (to) forty\neight of her friends in april", "long"),
        ("sold clips to forty eight of her friends in", None),
        (f"exercise: {SHORT.lower()}.", "short"),
        ("prove the mean value", None),
        ("答" + CHINESE[3:13], "zh"),
        (CHINESE[:9], None),
        ("Homework: calculate 3 + 4 - 5", "sum"),
        ("calculate 3 + 4 - 6", None),
        ("two words", None),
        ("1 2 3 4 5 6 7 8 9 10 11 12", None),
    ],
)
def test_rule(page: str, item: str | None) -> None:
    hit = first_hit(page, _index())
    assert (hit and hit[1]) == item
