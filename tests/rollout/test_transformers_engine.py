"""The decode loop against `model.generate` and against a forward pass over the finished sequence."""

import random
from collections import Counter

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.transformers_engine import TransformersEngine

VOCABULARY, END = 48, 1


class Letters:
    """The part of a tokenizer that the engine uses: ids to text."""

    eos_token_id = END

    def decode(self, token_ids, *, skip_special_tokens):
        assert skip_special_tokens
        return "".join(chr(ord("!") + token) for token in token_ids if token != END)


def make_model(*, tilt: float = 0.0) -> LlamaForCausalLM:
    """A tiny random model whose next-token distribution is far from flat; `tilt` makes it end sooner."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
        initializer_range=0.3,
    )
    model = LlamaForCausalLM(config)
    if tilt:
        head = torch.nn.Linear(32, VOCABULARY)
        head.weight, head.bias = model.lm_head.weight, torch.nn.Parameter(torch.zeros(VOCABULARY))
        head.bias.data[END] = tilt
        model.lm_head = head
    return model


def make_prompts(count: int = 7) -> list[list[int]]:
    draws = random.Random(3)
    return [[draws.randrange(2, VOCABULARY) for _ in range(draws.randint(1, 12))] for _ in range(count)]


def forward_log_probs(model, prompt, token_ids, temperature):
    with torch.no_grad():
        logits = model.eval()(torch.tensor([prompt + token_ids])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits / temperature, -1).gather(-1, torch.tensor(token_ids)[:, None])[:, 0]


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_greedy_tokens_are_those_of_generate(batch):
    model, prompts = make_model(tilt=1.0), make_prompts()
    sampling = SamplingRecipe(temperature=0.0, max_new_tokens=20)
    groups = TransformersEngine(model, Letters(), batch=batch).generate(prompts, sampling, samples=1, seed=0)
    for prompt, (completion,) in zip(prompts, groups, strict=True):
        expected = model.eval().generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=20, pad_token_id=0)
        assert completion.token_ids == expected[0, len(prompt) :].tolist()
    assert {group[0].finish_reason for group in groups} == {"stop", "length"}


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 1.0), (1.0, 1.0), (0.7, 0.9), (1.5, 1.0)])
def test_log_probs_are_those_of_a_forward_pass(temperature, top_p):
    model, prompts = make_model(tilt=3.0), make_prompts()
    sampling = SamplingRecipe(temperature=temperature, top_p=top_p, max_new_tokens=24)
    groups = TransformersEngine(model, Letters(), batch=10).generate(prompts, sampling, samples=3, seed=5)
    for prompt, group in zip(prompts, groups, strict=True):
        for completion in group:
            expected = forward_log_probs(model, prompt, completion.token_ids, temperature or 1.0)
            torch.testing.assert_close(torch.tensor(completion.log_probs), expected, atol=1e-4, rtol=0)


def test_completion_ends_with_the_end_token_or_at_the_limit():
    groups = TransformersEngine(make_model(tilt=4.0), Letters(), batch=16).generate(
        make_prompts(), SamplingRecipe(max_new_tokens=9), samples=8, seed=1
    )
    completions = [completion for group in groups for completion in group]
    for completion in completions:
        assert len(completion.token_ids) == len(completion.log_probs) <= 9
        assert END not in completion.token_ids[:-1]
        assert (completion.token_ids[-1] == END) == (completion.finish_reason == "stop")
        assert completion.text == Letters().decode(completion.token_ids, skip_special_tokens=True)
        if completion.finish_reason == "length":
            assert len(completion.token_ids) == 9
    assert Counter(completion.finish_reason for completion in completions).keys() == {"stop", "length"}


def test_what_is_drawn_depends_on_prompt_sample_and_seed_alone():
    model, prompts = make_model(tilt=2.0), make_prompts()
    sampling = SamplingRecipe(temperature=0.9, max_new_tokens=12)

    def tokens(batch, order, samples, seed):
        engine = TransformersEngine(model, Letters(), batch=batch)
        groups = engine.generate([prompts[index] for index in order], sampling, samples=samples, seed=seed)
        return {index: [one.token_ids for one in group] for index, group in zip(order, groups, strict=True)}

    everything = tokens(64, range(7), 4, 9)
    assert tokens(64, range(7), 4, 9) == everything
    assert tokens(5, [6, 2, 4, 0, 1, 3, 5], 4, 9) == everything
    assert tokens(64, [3], 2, 9)[3] == everything[3][:2]
    assert tokens(64, range(7), 4, 10) != everything
    assert len({tuple(one) for one in everything[0]}) > 1


def test_draws_follow_the_models_distribution():
    model = make_model()
    prompt, draws = [5, 9, 7], 4000
    sampling = SamplingRecipe(temperature=1.3, max_new_tokens=1)
    (group,) = TransformersEngine(model, Letters(), batch=1000).generate([prompt], sampling, samples=draws, seed=2)
    with torch.no_grad():
        expected = torch.softmax(model.eval()(torch.tensor([prompt])).logits[0, -1] / 1.3, -1)
    counts = torch.bincount(torch.tensor([one.token_ids[0] for one in group]), minlength=VOCABULARY)
    common = expected * draws > 5
    statistic = (((counts - expected * draws) ** 2) / (expected * draws))[common].sum()
    assert statistic < 1.8 * common.sum()  # chi-squared: mean 1 a degree of freedom


def test_top_p_keeps_the_nucleus():
    model, prompt = make_model(), [5, 9, 7]
    with torch.no_grad():
        probs = torch.softmax(model.eval()(torch.tensor([prompt])).logits[0, -1], -1).sort(descending=True)
    nucleus = int((probs.values.cumsum(0) < 0.5).sum()) + 1
    sampling = SamplingRecipe(top_p=0.5, max_new_tokens=1)
    (group,) = TransformersEngine(model, Letters()).generate([prompt], sampling, samples=500, seed=0)
    assert {one.token_ids[0] for one in group} == set(probs.indices[:nucleus].tolist())


def test_model_is_left_as_it_was():
    model = make_model().train()
    TransformersEngine(model, Letters()).generate([[3]], SamplingRecipe(max_new_tokens=2), samples=1, seed=0)
    assert model.training
    model(torch.tensor([[3, 4]]), labels=torch.tensor([[3, 4]])).loss.backward()
