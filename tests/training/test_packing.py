"""Packing loses no token and doubles none, and marks as targets what the examples do."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mathmill.training.packing import Example, lay_out, pack


def example(ids, target):
    return Example(np.array(ids, np.int32), np.array(target, bool))


EXAMPLES = st.lists(st.tuples(st.integers(0, 99), st.booleans()), min_size=1, max_size=20).map(
    lambda tokens: example(*zip(*tokens, strict=True))
)
SEQUENCES = st.lists(st.lists(EXAMPLES, min_size=1, max_size=4), min_size=1, max_size=4)


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=40), seed=st.integers(0, 5))
def test_every_example_is_in_exactly_one_sequence_that_fits(lengths, seed):
    sequences = pack(lengths, 20, seed)
    assert sorted(index for sequence in sequences for index in sequence) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in sequence) <= 20 for sequence in sequences)


@given(lengths=st.lists(st.integers(1, 9), min_size=9, max_size=40), seed=st.integers(0, 5))
def test_the_order_is_drawn_and_no_sequence_could_have_taken_the_next_example(lengths, seed):
    sequences = pack(lengths, 20, seed)
    for one, following in pairwise(sequences):
        assert sum(lengths[index] for index in one) + lengths[following[0]] > 20
    assert pack(lengths, 20, seed) == sequences
    assert any(pack(lengths, 20, other) != sequences for other in range(6, 12))


@given(sequences=SEQUENCES, across_examples=st.booleans())
def test_a_row_holds_every_token_once_and_predicts_each_target_from_the_token_before(sequences, across_examples):
    row = lay_out(sequences, across_examples=across_examples)
    segments = sequences if across_examples else [[one] for sequence in sequences for one in sequence]
    ids, places, expected = [], [], []
    for segment in segments:
        tokens = [pair for one in segment for pair in zip(one.ids.tolist(), one.target.tolist(), strict=True)]
        for place, (token, is_target) in enumerate(tokens):
            if is_target and place > 0:
                expected.append((len(ids) - 1, token))
            ids.append(token)
            places.append(place)
    assert row.input_ids.tolist() == [ids]
    assert row.position_ids.tolist() == [places]
    assert list(zip(row.predicting.tolist(), row.targets.tolist(), strict=True)) == expected
    assert list(row.segment_lengths) == [sum(len(one) for one in segment) for segment in segments]


def test_laying_out_changes_no_example():
    one = example([5, 6], [True, True])
    lay_out([[one, one]], across_examples=False)
    assert one.target.tolist() == [True, True]
