"""Strings at which a completion ends."""

from collections.abc import Sequence
from typing import Any

import torch

PARTIAL = "\ufffd"
"""What a tokenizer gives for a part of a character."""


class StopStrings:
    """Watches the ends of completions for stop strings.

    Only where a token has the last character of a stop string, or a part of a character, is the tail of its row
    decoded: as many tokens as the longest stop string has bytes, and a few for the tokenizer's start of a text.
    """

    def __init__(self, tokenizer: Any, strings: Sequence[str]) -> None:
        """Watch for `strings`, none empty."""
        self._tokenizer = tokenizer
        self._strings = tuple(strings)
        self._tail = max((len(one.encode()) for one in strings), default=0) + 4
        self._suspects: dict[int, bool] = {}

    def completed(
        self, tokens: torch.Tensor, token_ids: torch.Tensor, active: torch.Tensor, counts: torch.Tensor
    ) -> torch.Tensor:
        """Which rows have a stop string in their tails.

        Args:
            tokens: [rows] the last token of each.
            token_ids: [all rows, at most] all tokens of these rows and others.
            active: [rows] the numbers of these among all.
            counts: [rows] how many tokens they have.

        Returns:
            [rows] bool.
        """
        found = torch.zeros(len(tokens), dtype=torch.bool)
        if self._strings:
            for row, token in enumerate(tokens.tolist()):
                if self._suspect(token):
                    end = int(counts[row])
                    found[row] = self._in(token_ids[active[row], max(0, end - self._tail) : end].tolist())
        return found.to(tokens.device)

    def cut(self, text: str) -> str:
        """The text before the first stop string."""
        return text[: min((place for one in self._strings if (place := text.find(one)) >= 0), default=len(text))]

    def _suspect(self, token: int) -> bool:
        if token not in self._suspects:
            text = self._tokenizer.decode([token], skip_special_tokens=True)
            # A single token's white space may be taken for that which starts a text, and dropped.
            self._suspects[token] = PARTIAL in text or any(
                one[-1] in text or one[-1].isspace() for one in self._strings
            )
        return self._suspects[token]

    def _in(self, tail: list[int]) -> bool:
        text = self._tokenizer.decode(tail, skip_special_tokens=True)
        return any(one in text for one in self._strings)
