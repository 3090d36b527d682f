"""Steps are dealt to ranks without loss, and read ahead without a trace."""

import numpy as np
import pytest
from datasets import Dataset

from mathmill.recipe_training import MixtureSource
from mathmill.training.data import PackedSource
from mathmill.training.mixture import Mixture
from mathmill.training.pretraining_batches import Batches, StepBatch

MIXTURE = [MixtureSource(name="a", weight=0.75), MixtureSource(name="b", weight=0.25)]
BATCH, STEPS, CONTEXT = 8, 6, 4


def _packed(first: int) -> PackedSource:
    """24 sequences of documents of 3 tokens; no token twice."""
    rows = [[first + 3 * n, first + 3 * n + 1, first + 3 * n + 2] for n in range(32)]
    return PackedSource(Dataset.from_dict({"input_ids": rows}), context=CONTEXT, seed=1)


def _batches(rank: int, ranks: int, first: int = 0, state: dict[str, list[float]] | None = None) -> list[StepBatch]:
    sources = {0: _packed(0), 1: _packed(1000)}
    batches = Batches(sources, Mixture(MIXTURE, state), batch=BATCH, steps=STEPS, rank=rank, ranks=ranks)
    return [batch for batch, _ in batches.since(first)]


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_share_the_sequences_that_one_would_learn_from(ranks: int) -> None:
    alone = _batches(0, 1)
    shared = [_batches(rank, ranks) for rank in range(ranks)]
    for step in range(STEPS):
        rows = np.concatenate([batches[step].input_ids for batches in shared])
        assert sorted(map(tuple, rows)) == sorted(map(tuple, alone[step].input_ids))
        assert np.bincount(alone[step].source).tolist() == [6, 2]


def test_rows_of_a_source_stand_together_and_say_where_documents_begin() -> None:
    for batch in _batches(0, 1):
        assert batch.source.tolist() == sorted(batch.source)
        assert ((batch.input_ids >= 1000) == batch.source[:, None]).all()
        # Documents are three tokens, the first of which is a multiple of three from the source's own first.
        within = (batch.input_ids - 1000 * batch.source[:, None]) % 3
        assert (batch.position_ids[:, 0] == 0).all()
        assert ((batch.position_ids[:, 1:] == 0) == (within[:, 1:] == 0)).all()


def test_a_checkpoint_s_state_leads_to_the_same_batches() -> None:
    whole = _batches(0, 1)
    rest = _batches(0, 1, first=3, state=whole[2].mixture)
    assert all(np.array_equal(one.input_ids, other.input_ids) for one, other in zip(whole[3:], rest, strict=True))
