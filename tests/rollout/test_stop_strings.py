"""Stop strings in what byte-level tokens say."""
# ruff: noqa: RUF001 -- Chinese has punctuation of its own

import pytest
import torch

from mathmill.rollout.stop_strings import StopStrings
from tests.byte_tokenizer import byte_tokenizer


def first_completed(stops: StopStrings, token_ids: list[int]) -> int | None:
    """After how many tokens a stop string is complete, as the engine would find it."""
    written = torch.tensor([token_ids])
    for count in range(1, len(token_ids) + 1):
        if stops.completed(written[:, count - 1], written, torch.tensor([0]), torch.tensor([count]))[0]:
            return count
    return None


@pytest.mark.parametrize(
    ("strings", "text", "cut"),
    [
        (["User:"], "so 4.\n\nUser: what", "so 4.\n\n"),
        (["User:", "\n\n"], "so 4.\n\nUser: what", "so 4."),
        (["\n"], "line\nline", "line"),
        (["问题："], "答案是4。\n问题：二", "答案是4。\n"),
        (["```output"], "```python\nprint(1)\n```\n```output\n1", "```python\nprint(1)\n```\n"),
        (["absent"], "nothing of it", None),
    ],
)
def test_row_ends_with_the_token_that_completes_a_stop_string(strings, text, cut):
    tokenizer = byte_tokenizer()
    stops = StopStrings(tokenizer, strings)
    count = first_completed(stops, tokenizer(text)["input_ids"])
    if cut is None:
        assert count is None
        assert stops.cut(text) == text
    else:
        ended = next(one for one in strings if text.startswith(one, len(cut)))
        assert count == len((cut + ended).encode())  # one token a byte
        assert stops.cut(text) == cut


def test_tails_alone_are_decoded_and_only_where_a_stop_string_may_end():
    decoded = []

    class Counting:
        def decode(self, token_ids, *, skip_special_tokens):
            decoded.append(len(token_ids))
            return "".join(map(chr, token_ids))

    stops = StopStrings(Counting(), ["xyz"])
    token_ids = [*map(ord, "abc" * 20 + "z" + "abc" * 20)]
    assert first_completed(stops, token_ids) is None
    assert sorted(decoded) == [1, 1, 1, 1, len("xyz") + 4]
