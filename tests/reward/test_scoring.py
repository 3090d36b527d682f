"""The reward model as a reward function, against one solution at a time as it is trained."""

import pytest
import torch
from mathmill.reinforcement.outcome_model import OutcomeModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

from mathmill.questions import Question
from mathmill.training.chat import answer_ids, prompt_ids, set_chat_template


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    alphabet = {token: i for i, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    core = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<e>", pad_token="<p>")
    set_chat_template(fast)
    return fast


def test_probabilities_do_not_depend_on_the_batch(tokenizer, tmp_path):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.5,
    )
    model = LlamaForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    texts = [("1 + 1?", "\\boxed{2}"), ("12 + 30 + 4?", "12 + 30 = 42\n\\boxed{46}"), ("9?", "no")]
    questions = [Question("q", asked, "0", None, "made", "en") for asked, _ in texts]
    judge = OutcomeModel.load(tmp_path, "!", torch.device("cpu"))
    given = judge(questions, [solution for _, solution in texts])
    for (asked, solution), probability in zip(texts, given, strict=True):
        ids = torch.tensor([prompt_ids(tokenizer, asked, "!") + answer_ids(tokenizer, solution)])
        with torch.no_grad():
            expected = torch.sigmoid(model(ids).logits[0, 0])
        assert probability == pytest.approx(float(expected), abs=1e-5)
    assert len(set(given)) == 3
