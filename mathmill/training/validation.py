"""The loss on each source's held-out documents."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mathmill.training.causal_loss import IGNORED
from mathmill.training.session import Session, rank, totals, world_size


@torch.no_grad()
def validation_losses(
    session: Session, held_out: Mapping[str, Any], *, context: int, rows: int, device: torch.device
) -> dict[str, float]:
    """Mean loss a token, in nats, over the documents of each source and over all of them, under `validation_loss`.

    Every document is cut to `context` tokens and seen alone. A source without documents is left out.

    Args:
        session: of a `CausalLoss`.
        held_out: documents with `input_ids`, by source.
        context: tokens.
        rows: documents in a forward pass, which has the shape that training has: a compiled model knows it.
        device: where the model is.
    """
    session.engine.eval()
    sums = [0.0] * len(held_out)
    tokens = [0.0] * len(held_out)
    for index, documents in enumerate(held_out.values()):
        mine = range(rank(), len(documents), world_size())
        for start in range(0, len(mine), rows):
            ids, targets = _padded([documents[n]["input_ids"] for n in mine[start : start + rows]], rows, context)
            losses = session.model(torch.from_numpy(ids).to(device), torch.from_numpy(targets).to(device), [rows])
            sums[index] += float(losses)
            tokens[index] += float((targets != IGNORED).sum())
    session.engine.train()
    sums, tokens = totals(sums, device), totals(tokens, device)
    by_source = {
        f"validation_loss/{name}": loss / count
        for name, loss, count in zip(held_out, sums, tokens, strict=True)
        if count
    }
    return {"validation_loss": sum(sums) / max(sum(tokens), 1), **by_source}


def _padded(documents: Sequence[Sequence[int]], rows: int, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Input ids [rows, context] and targets [rows, context - 1], both int64, of at most `rows` documents."""
    ids = np.zeros((rows, context), dtype=np.int64)
    targets = np.full((rows, context - 1), IGNORED, dtype=np.int64)
    for row, document in enumerate(documents):
        kept = document[:context]
        ids[row, : len(kept)] = kept
        targets[row, : len(kept) - 1] = kept[1:]
    return ids, targets
