"""A tokenizer with merges that tempt it across the borders of a conversation."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from mathmill.training.chat import set_chat_template

TEXT = "User: 1 + 1?\n\nAssistant: ```python\nprint(1 + 1)\n```\n```output\n2\n```\n\nThe answer is 2.\n\n"


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE that merges whatever stands together in `TEXT`, white space and fences included."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator([TEXT] * 9, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet))
    fast = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<b>", eos_token="<e>", pad_token="<p>")
    set_chat_template(fast)
    return fast
