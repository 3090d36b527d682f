"""Hashes of shingles computed for a whole batch are those computed word by word."""

import random

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from mathmill.corpus.shingles import BASE, CHUNK, LONGEST, shingle_hashes
from mathmill.corpus.words import words

ALL = (1 << 64) - 1


def _mixed(number: int) -> int:
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & ALL
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & ALL
    return number ^ (number >> 31)


def _polynomial(numbers: list[int], *, rising: bool) -> int:
    powers = range(len(numbers)) if rising else reversed(range(len(numbers)))
    return sum(number * pow(BASE, power, 1 << 64) for number, power in zip(numbers, powers, strict=True)) & ALL


def _expected(text: str, size: int) -> list[int]:
    """The hashes by Python's integers, a word at a time."""
    hashes = [
        _mixed(_polynomial([_mixed((ord(one) + 1) * BASE & ALL) for one in word], rising=True)) for word in words(text)
    ]
    runs = [hashes[start : start + size] for start in range(len(hashes) - size + 1)]
    return [max(1, _mixed(_polynomial(run, rising=False)) >> 32) for run in runs]


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab zß你好 ﬁ²́_\n-"), max_size=60)


@given(st.lists(TEXT, max_size=4), st.integers(1, 6))
@example(["Straße 你好 x²", "", "a-b_c d"], 2)
def test_a_batch_gives_what_each_word_alone_gives(texts: list[str], size: int) -> None:
    assert [one.tolist() for one in shingle_hashes(texts, size)] == [_expected(text, size) for text in texts]


def test_form_and_case_of_characters_do_not_count() -> None:
    one, other, third = shingle_hashes(["Prove: x² ≥ 0, ALWAYS!", "prove x2 0 always", "prove x2 0 never"], 4)
    assert one.tolist() == other.tolist()
    assert len(one) == 1
    assert one[0] != third[0]


def test_texts_of_one_batch_do_not_touch() -> None:
    generator = random.Random(0)
    texts = [" ".join(str(generator.random()) for _ in range(generator.choice([1, 3, 40, 20_000]))) for _ in range(12)]
    assert max(map(len, texts)) > 2 * CHUNK
    together = shingle_hashes(texts, 5)
    assert all(np.array_equal(one, shingle_hashes([text], 5)[0]) for one, text in zip(together, texts, strict=True))


def test_different_words_have_different_hashes() -> None:
    numbers = " ".join(map(str, range(100_000)))
    hashes = shingle_hashes([numbers], 1)[0]
    # 10^5 random 32-bit numbers have 1.2 equal pairs on average.
    assert len(np.unique(hashes)) >= 100_000 - 10


def test_of_a_longer_text_the_beginning_counts() -> None:
    text = "word " * (LONGEST // 5 + 10)
    assert len(shingle_hashes([text], 5)[0]) <= LONGEST // 5 + 1
    assert shingle_hashes([text[:LONGEST]], 5)[0].tolist() == shingle_hashes([text + "more"], 5)[0].tolist()
