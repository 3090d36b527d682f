"""The adapter against the harness's own `hf` model, request by request, on a random model."""

from types import SimpleNamespace

import pytest
import torch
from lm_eval.models.huggingface import HFLM
from tokenizers.processors import TemplateProcessing
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.errors import UserError
from mathmill.harness import model as harness_model
from mathmill.harness.model import HarnessModel
from mathmill.harness.settings import read_settings
from mathmill.training.chat import CHAT_TEMPLATE
from tests.byte_tokenizer import byte_tokenizer

CONTEXT = 96
TEXTS = [
    "What is 2 + 2? ",
    "<b>Asked by a chat template",
    "A question of several lines.\n\nAnswer:",
    "Größe, 数学, and a long tail that does not fit into the context of the model: " + "x" * CONTEXT,
]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=259,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=256,
        eos_token_id=257,
        pad_token_id=258,
        initializer_range=0.3,
    )
    return LlamaForCausalLM(config).eval()


def tokenizer_of(*, begins):
    """A byte-level tokenizer, which puts `<b>` in front of texts or does not."""
    tokenizer = byte_tokenizer()
    if begins:
        first = ("<b>", tokenizer.bos_token_id)
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<b> $A", special_tokens=[first])
    return tokenizer


@pytest.fixture(params=[True, False], ids=["with a first token", "without"])
def both(network, request):
    """Our adapter and the harness's own."""
    tokenizer = tokenizer_of(begins=request.param)
    ours = HarnessModel(network, tokenizer, batch=2, seed=0)
    # One at a time: in a batch of theirs the first text decides whether all of them get the first token.
    return ours, HFLM(pretrained=network, tokenizer=tokenizer, batch_size=1)


def requests(*arguments):
    return [SimpleNamespace(args=one, task_name="hand") for one in arguments]


def test_both_see_the_same_tokens(both):
    ours, theirs = both
    assert ours.max_length == theirs.max_length == CONTEXT
    assert [ours.tok_encode(text) for text in TEXTS] == [theirs.tok_encode(text) for text in TEXTS]
    assert (ours.eot_token_id, ours.prefix_token_id) == (theirs.eot_token_id, theirs.prefix_token_id)


def test_log_likelihoods_and_greedy_flags(both, monkeypatch):
    monkeypatch.setattr(harness_model, "PASS_TOKENS", 150)
    ours, theirs = both
    asked = requests(
        *[(text, choice) for text in TEXTS for choice in (" A", " B", " 3.5", " none of these\n")],
        *[("", "no context"), ("", "<b>begun")],
        *[(text, chr(code)) for text in TEXTS[:2] for code in range(33, 127)],
    )
    said, expected = ours.loglikelihood(asked), theirs.loglikelihood(asked)
    assert [one for one, _ in said] == pytest.approx([one for one, _ in expected], abs=1e-4)
    assert [greedy for _, greedy in said] == [greedy for _, greedy in expected]


def test_what_greedy_decoding_gives_is_greedy(both):
    ours, _ = both
    [drawn] = ours.generate_until(requests(("2 + 2 =", {"max_gen_toks": 1})))
    flags = ours.loglikelihood(requests(*[("2 + 2 =", chr(code)) for code in range(32, 127)]))
    assert [chr(code) for code, (_, greedy) in zip(range(32, 127), flags, strict=True) if greedy] in ([drawn], [])


def test_log_likelihoods_of_texts_longer_than_the_context(both):
    ours, theirs = both
    asked = requests(*[(text,) for text in (*TEXTS, "y" * (3 * CONTEXT + 7), "z")])
    assert ours.loglikelihood_rolling(asked) == pytest.approx(theirs.loglikelihood_rolling(asked), abs=1e-3)


def test_completions(both):
    ours, theirs = both
    wishes = [
        {"max_gen_toks": 24},
        {"until": ["a", "\n\n"], "max_gen_toks": 24, "do_sample": False, "temperature": 0.0},
        {"until": ["e"], "max_new_tokens": 12},
    ]
    asked = requests(*[(text, wish) for text in TEXTS for wish in wishes])
    said = ours.generate_until(asked)
    assert said == theirs.generate_until(asked)
    assert any(said)
    assert all("a" not in text and "\n\n" not in text for text in said[1::3])


def test_repeats_of_a_sampled_request_differ_and_come_again(network):
    asked = requests(*[("Draw:", {"max_gen_toks": 8, "do_sample": True, "temperature": 1.0})] * 4)
    ours, again, other = (HarnessModel(network, byte_tokenizer(), batch=8, seed=seed) for seed in (3, 3, 4))
    drawn = ours.generate_until(asked)
    assert len(set(drawn)) == 4
    assert again.generate_until(asked) == drawn
    assert other.generate_until(asked) != drawn


def test_settings():
    sampling, stop = read_settings({"until": "\n", "temperature": 0.7, "top_p": 0.9, "num_beams": 1}, "<e>")
    assert (sampling.temperature, sampling.top_p, sampling.top_k, sampling.max_new_tokens) == (0.7, 0.9, None, 256)
    assert stop == ("\n", "<e>")
    greedy, _ = read_settings({"do_sample": False, "temperature": 0.7}, "<e>")
    assert greedy.temperature == 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"num_beams": 4, "repetition_penalty": 1.1}, "num_beams, repetition_penalty: the rollout engine has no such"),
        ({"do_sample": True, "temperature": 1.0, "top_p": 2}, "less than or equal to 1"),
    ],
)
def test_settings_that_the_engine_lacks(asked, message):
    with pytest.raises(UserError, match=message):
        read_settings(asked, "<e>")


def test_no_room_for_a_completion(network):
    ours = HarnessModel(network, byte_tokenizer(), batch=2, seed=0)
    with pytest.raises(UserError, match=f"asks for {CONTEXT} new tokens .* context is {CONTEXT}"):
        ours.generate_until(requests(("2 + 2", {"max_gen_toks": CONTEXT})))


def test_conversations(network):
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE
    ours = HarnessModel(network, tokenizer, batch=2, seed=0)
    theirs = HFLM(pretrained=network, tokenizer=tokenizer)
    turns = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
    turns.append({"role": "user", "content": "3 + 3?"})
    assert ours.apply_chat_template(turns) == theirs.apply_chat_template(turns)
    told = ours.apply_chat_template([{"role": "system", "content": "Add."}, *turns])
    assert told.startswith("<b>User: Add.\n\n2 + 2?\n\nAssistant: 4<e>")
