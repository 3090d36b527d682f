"""What gives an engine of this process its logits: rows of tokens that grow one by one."""

from collections.abc import Sequence
from typing import Protocol

import torch


class Decoder(Protocol):
    """Holds the keys and values of rows, and gives the logits of what follows each."""

    joins: bool
    """Whether rows may be added beside others; else only when none is held."""

    def admit(self, prompts: Sequence[Sequence[int]], copies: Sequence[int]) -> torch.Tensor:
        """Add rows after those that are held.

        Args:
            prompts: token ids, none empty; each is evaluated once.
            copies: for each new row the index of its prompt.

        Returns:
            Logits [new rows, vocabulary] of the token that follows each new row.
        """
        ...

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Add `tokens` [rows] int64, one to each row; the logits [rows, vocabulary] of what follows them."""
        ...

    def keep(self, kept: torch.Tensor) -> None:
        """Hold only the rows `kept` [fewer rows] int64, in this order.

        A row that keeps its number costs nothing; the others come from numbers that are not kept (`dense`).
        """
        ...

    def finish(self) -> None:
        """End the call of `generate`; every rank does so."""
        ...


def dense(going: torch.Tensor) -> torch.Tensor:
    """The rows that go on, in an order that moves few of them: the last ones fill the gaps of those that ended.

    Args:
        going: [rows] bool.

    Returns:
        [rows that go on] int64, for `Decoder.keep`.
    """
    rows = going.nonzero()[:, 0]
    kept = torch.arange(len(rows), device=going.device)
    kept[~going[: len(rows)]] = rows[rows >= len(rows)]
    return kept
