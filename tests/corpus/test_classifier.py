"""The classifier as a file."""

from pathlib import Path

import fasttext
import pytest

from mathmill.corpus.classifier import CARD, MODEL, Card, line, model_file, probabilities, read_card, write_card
from mathmill.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("classifier")
    rows = ["__label__math lemma proof theorem", "__label__other butter bread jam"] * 50
    (made / "training.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    model = fasttext.train_supervised(str(made / "training.txt"), dim=4, epoch=20, lr=0.5, thread=1, verbose=0)
    model.save_model(str(made / MODEL))
    write_card(Card(50, 150, 2000, 0, 1.0, 1.0, 1.0), made)
    return made


def test_the_probability_is_that_of_mathematics_whichever_label_comes_first(folder: Path) -> None:
    math, other = probabilities(fasttext.load_model(str(folder / MODEL)), ["theorem lemma", "jam butter"])
    assert math > 0.9
    assert other < 0.1


def test_a_classifier_is_named_by_its_file_or_its_folder(folder: Path) -> None:
    assert model_file(folder) == model_file(folder / MODEL) == (folder / MODEL).resolve()
    assert read_card(model_file(folder)).prior_odds == pytest.approx(1 / 3)


def test_a_missing_classifier_or_card_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        model_file(tmp_path)
    (tmp_path / MODEL).write_bytes((folder / MODEL).read_bytes())
    with pytest.raises(UserError, match=CARD):
        model_file(tmp_path / MODEL)


def test_a_page_is_read_as_far_as_the_card_says() -> None:
    assert line("One, two;\nTHREE four", page_words=3) == "one two three"
