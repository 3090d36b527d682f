"""The fastText classifier as a file: how it sees a page, and what it says of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mathmill.corpus.words import words
from mathmill.errors import UserError

MODEL, CARD = "classifier.bin", "card.json"
POSITIVE, NEGATIVE = "__label__math", "__label__other"


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a classifier: what it learned from, and how well it tells held-out pages apart."""

    positives: int
    """Pages it learned from."""
    negatives: int
    page_words: int
    """Words of a page that it reads, from the beginning."""
    held_out: int
    """Pages kept from training, on which the following were measured."""
    precision: float
    recall: float
    auc: float

    @property
    def prior_odds(self) -> float:
        """Positives for each negative in training: the odds that its scores presuppose."""
        return self.positives / self.negatives


def model_file(given: Path) -> Path:
    """The classifier's file that `given`, itself or the folder that holds it, names.

    Raises:
        UserError: there is none, or it has no card.
    """
    path = (given / MODEL if given.is_dir() else given).resolve()
    if not path.is_file():
        raise UserError(f"--classifier {path} does not exist: make it with `mathmill corpus classify`")
    if not path.with_name(CARD).is_file():
        raise UserError(f"--classifier {path} has no {CARD} beside it: make it with `mathmill corpus classify`")
    return path


def read_card(model: Path) -> Card:
    """The card beside a classifier's file."""
    return Card(**json.loads(model.with_name(CARD).read_text(encoding="utf-8")))


def write_card(card: Card, folder: Path) -> None:
    """Write the card into the classifier's folder."""
    (folder / CARD).write_text(json.dumps(asdict(card), indent=2), encoding="utf-8")


def line(text: str, page_words: int) -> str:
    """A page as the classifier sees it: its first words, on one line."""
    return " ".join(words(text)[:page_words])


def load(path: str) -> Any:
    """The fastText model."""
    import fasttext

    return fasttext.load_model(path)


def probabilities(model: Any, lines: Sequence[str]) -> np.ndarray:
    """Probability of being mathematics for each prepared line, float64."""
    labels, values = model.predict(list(lines), k=2)
    places = [names.index(POSITIVE) if POSITIVE in names else -1 for names in map(list, labels)]
    found = [float(numbers[place]) if place >= 0 else 0.0 for numbers, place in zip(values, places, strict=True)]
    return np.minimum(np.array(found), 1.0)
