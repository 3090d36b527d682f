"""Packing loses and doubles no token; the mixture's shares are exact."""

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from mathmill.errors import UserError
from mathmill.recipe import MixtureSource
from mathmill.training.data import Mixture, PackedSource


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 30), min_size=3, max_size=20), context=st.integers(1, 16))
def test_a_pass_holds_every_token_once(lengths: list[int], context: int) -> None:
    total = sum(lengths)
    flat = iter(range(total))
    documents = Dataset.from_dict({"input_ids": [[next(flat) for _ in range(length)] for length in lengths]})
    if total < context:
        with pytest.raises(UserError, match="less than one sequence"):
            PackedSource(documents, context=context, seed=0)
        return
    source = PackedSource(documents, context=context, seed=0)
    for number in (0, 1):
        packed = np.concatenate([source[number * source.sequences + i] for i in range(source.sequences)])
        assert len(packed) == total - total % context
        assert len(set(packed.tolist())) == len(packed)


def test_another_pass_has_another_order() -> None:
    documents = Dataset.from_dict({"input_ids": [[i] * 4 for i in range(50)]})
    source = PackedSource(documents, context=4, seed=3)
    passes = [[int(source[n * 50 + i][0]) for i in range(50)] for n in (0, 1)]
    assert passes[0] != passes[1]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(50))


def test_shares_are_exact_to_one_sequence_at_every_moment() -> None:
    weights = [0.56, 0.04, 0.10, 0.20, 0.10]
    mixture = Mixture([MixtureSource(name=str(i), weight=w) for i, w in enumerate(weights)], 1000)
    for index, weight in enumerate(weights):
        behind = np.cumsum(mixture.source == index) - weight * np.arange(1, 1001)
        assert np.abs(behind).max() <= 1
        assert mixture.number[mixture.source == index].tolist() == list(range(round(weight * 1000)))
