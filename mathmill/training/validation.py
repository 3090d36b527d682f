"""The loss on each source's held-out documents."""

from collections.abc import Mapping
from typing import Any

import torch

from mathmill.training.session import Session, rank, totals, world_size


@torch.no_grad()
def validation_losses(
    session: Session, held_out: Mapping[str, Any], context: int, device: torch.device
) -> dict[str, float]:
    """Mean loss a token, in nats, over the documents of each source and over all of them, under `validation_loss`.

    Every document is cut to `context` tokens and seen alone. A source without documents is left out.

    Args:
        session: of a `CausalLoss`.
        held_out: documents with `input_ids`, by source.
        context: tokens.
        device: where the model is.
    """
    session.engine.eval()
    sums = [0.0] * len(held_out)
    tokens = [0.0] * len(held_out)
    for index, documents in enumerate(held_out.values()):
        for number in range(rank(), len(documents), world_size()):
            row = torch.tensor([documents[number]["input_ids"][:context]], device=device)
            if row.shape[1] > 1:
                sums[index] += float(session.model(row, None, [1]))
                tokens[index] += row.shape[1] - 1
    session.engine.train()
    sums, tokens = totals(sums, device), totals(tokens, device)
    by_source = {
        f"validation_loss/{name}": loss / count
        for name, loss, count in zip(held_out, sums, tokens, strict=True)
        if count
    }
    return {"validation_loss": sum(sums) / max(sum(tokens), 1), **by_source}
