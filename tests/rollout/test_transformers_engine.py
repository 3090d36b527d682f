"""The decode loop against `model.generate` and against a forward pass over the finished sequence, both for models that
`LlamaDecoder` runs and for those that their own forward method does."""

import random
from collections import Counter

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.llama_decoder import LlamaDecoder, suits
from mathmill.rollout.module_decoder import ModuleDecoder
from mathmill.rollout.transformers_engine import TransformersEngine

VOCABULARY, END = 48, 1


class Letters:
    """The part of a tokenizer that the engine uses: ids to text."""

    eos_token_id = END

    def decode(self, token_ids, *, skip_special_tokens):
        assert skip_special_tokens
        return "".join(chr(ord("!") + token) for token in token_ids if token != END)


SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": None,
    "eos_token_id": END,
    "pad_token_id": 0,
    "initializer_range": 0.3,
}


def tilted(model, tilt: float):
    """The model, made to end sooner."""
    head = torch.nn.Linear(32, VOCABULARY)
    head.weight, head.bias = model.lm_head.weight, torch.nn.Parameter(torch.zeros(VOCABULARY))
    head.bias.data[END] = tilt
    model.lm_head = head
    return model


def make_model(*, tilt: float = 0.0, **changes) -> LlamaForCausalLM:
    """A tiny random model whose next-token distribution is far from flat."""
    torch.manual_seed(0)
    return tilted(LlamaForCausalLM(LlamaConfig(**SHAPE, **changes)), tilt)


def run_by_its_own_forward(model):
    """The model, kept from `LlamaDecoder` by a hook that changes nothing."""
    model.register_forward_hook(lambda *_: None)
    assert not suits(model)
    return model


@pytest.fixture(params=["llama decoder", "own forward"])
def prepared(request):
    """What makes a model be run by the one decoder or the other."""
    return (lambda model: model) if request.param == "llama decoder" else run_by_its_own_forward


def make_prompts(count: int = 7) -> list[list[int]]:
    draws = random.Random(3)
    return [[draws.randrange(2, VOCABULARY) for _ in range(draws.randint(1, 12))] for _ in range(count)]


def forward_log_probs(model, prompt, token_ids, temperature):
    with torch.no_grad():
        logits = model.eval()(torch.tensor([prompt + token_ids])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits / temperature, -1).gather(-1, torch.tensor(token_ids)[:, None])[:, 0]


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_greedy_tokens_are_those_of_generate(batch, prepared):
    model, prompts = prepared(make_model(tilt=1.0)), make_prompts()
    sampling = SamplingRecipe(temperature=0.0, max_new_tokens=20)
    groups = TransformersEngine(model, Letters(), batch=batch).generate(prompts, sampling, samples=1, seed=0)
    for prompt, (completion,) in zip(prompts, groups, strict=True):
        expected = model.eval().generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=20, pad_token_id=0)
        assert completion.token_ids == expected[0, len(prompt) :].tolist()
    assert {group[0].finish_reason for group in groups} == {"stop", "length"}


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 1.0), (1.0, 1.0), (0.7, 0.9), (1.5, 1.0)])
def test_log_probs_are_those_of_a_forward_pass(temperature, top_p, prepared):
    model, prompts = prepared(make_model(tilt=3.0)), make_prompts()
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


def test_what_is_drawn_depends_on_prompt_sample_and_seed_alone(prepared):
    model, prompts = prepared(make_model(tilt=2.0)), make_prompts()
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
    own_seeds = TransformersEngine(model, Letters()).generate(prompts[:2], sampling, samples=4, seed=[9, 8])
    assert [one.token_ids for one in own_seeds[0]] == everything[0]
    assert [one.token_ids for one in own_seeds[1]] != everything[1]


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


def test_top_k_keeps_the_likeliest_and_top_p_the_nucleus_of_these():
    model, prompt = make_model(), [5, 9, 7]
    with torch.no_grad():
        probs = torch.softmax(model.eval()(torch.tensor([prompt])).logits[0, -1], -1).sort(descending=True)

    def drawn(**sampling):
        recipe = SamplingRecipe(max_new_tokens=1, **sampling)
        (group,) = TransformersEngine(model, Letters()).generate([prompt], recipe, samples=500, seed=0)
        return {one.token_ids[0] for one in group}

    assert drawn(top_k=3) == set(probs.indices[:3].tolist())
    nucleus = int((probs.values[:3].cumsum(0) < 0.6 * probs.values[:3].sum()).sum()) + 1
    assert drawn(top_k=3, top_p=0.6) == set(probs.indices[:nucleus].tolist())
    assert nucleus < 3


ROPES = {
    "default": {"rope_type": "default", "rope_theta": 1e4},
    "llama3": {
        "rope_type": "llama3",
        "rope_theta": 1e4,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    },
    "yarn": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16},
}
LLAMAS = {
    "llama": make_model,
    "tied, with biases": lambda: LlamaForCausalLM(
        LlamaConfig(**SHAPE, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)
    ),
    "odd heads": lambda: make_model(head_dim=10),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SHAPE)),
    **{f"rope {name}": lambda rope=rope: make_model(rope_parameters=rope) for name, rope in ROPES.items()},
}


def logits_of(decoder, prompts, copies, written):
    """Logits after each prompt and after each token of `written`, [tokens + 1, rows, vocabulary]."""
    with torch.no_grad():
        return torch.stack([decoder.admit(prompts, copies), *(decoder.step(tokens) for tokens in written)])


@pytest.mark.parametrize("name", LLAMAS)
def test_llama_decoder_gives_the_models_logits(name):
    torch.manual_seed(1)
    model = LLAMAS[name]().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # biases and norms too
    assert suits(model)
    prompts, copies = make_prompts(3), [0, 0, 1, 2, 2, 2]
    written = torch.randint(2, VOCABULARY, (20, 6))
    ours = logits_of(LlamaDecoder(model), prompts, copies, written)
    theirs = torch.stack(
        [
            model(torch.tensor([prompts[copy] + written[:, row].tolist()])).logits[0, len(prompts[copy]) - 1 :]
            for row, copy in enumerate(copies)
        ],
        dim=1,
    )
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_llama_decoder_gives_the_models_logits_in_bf16():
    model, written = make_model().to(torch.bfloat16).eval(), torch.randint(2, VOCABULARY, (20, 4))
    prompts = make_prompts(2)
    ours = logits_of(LlamaDecoder(model), prompts, [0, 1, 1, 0], written)
    theirs = logits_of(ModuleDecoder(model), prompts, [0, 1, 1, 0], written)
    assert ours.dtype == torch.bfloat16
    exact = logits_of(LlamaDecoder(model.float()), prompts, [0, 1, 1, 0], written)
    assert (ours - exact).abs().mean() < 1.2 * (theirs - exact).abs().mean()


def test_rows_that_join_and_leave_do_not_change_the_others():
    model, written = make_model().eval(), torch.randint(2, VOCABULARY, (6, 4))
    prompts = make_prompts(4)
    decoder = LlamaDecoder(model)
    with torch.no_grad():
        decoder.admit(prompts[:2], [0, 0, 1])
        decoder.step(written[0, :3])
        decoder.keep(torch.tensor([2, 1]))  # the first row has ended, and the last takes its slot
        decoder.admit(prompts[2:], [1, 0])
        logits = decoder.step(written[1])
        alone = [
            model(torch.tensor([prompt])).logits[0, -1]
            for prompt in (
                [*prompts[1], int(written[0, 2]), int(written[1, 0])],
                [*prompts[0], int(written[0, 1]), int(written[1, 1])],
                [*prompts[3], int(written[1, 2])],
                [*prompts[2], int(written[1, 3])],
            )
        ]
    torch.testing.assert_close(logits, torch.stack(alone), atol=1e-5, rtol=1e-5)


def test_llama_decoder_is_not_for_models_that_it_does_not_compute():
    class Changed(LlamaForCausalLM):
        pass

    sliding = Qwen2Config(**SHAPE, use_sliding_window=True, sliding_window=4, max_window_layers=1)
    dynamic = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    adapted = make_model()
    adapted.model.layers[0].self_attn.q_proj = torch.nn.Sequential(adapted.model.layers[0].self_attn.q_proj)
    assert not suits(Changed(LlamaConfig(**SHAPE)))
    assert not suits(Qwen2ForCausalLM(sliding))
    assert not suits(make_model(rope_parameters=dynamic))
    assert not suits(adapted)
    assert not suits(Gemma2ForCausalLM(Gemma2Config(**SHAPE)))


def test_present_weights_are_used_at_each_call():
    model, sampling = make_model(), SamplingRecipe(temperature=0.0, max_new_tokens=8)
    engine = TransformersEngine(model, Letters())
    before = engine.generate([[3, 4]], sampling, samples=1, seed=0)[0][0]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.neg_()
    after = engine.generate([[3, 4]], sampling, samples=1, seed=0)[0][0]
    expected = model.eval().generate(torch.tensor([[3, 4]]), do_sample=False, max_new_tokens=8, pad_token_id=0)
    assert after.token_ids == expected[0, 2:].tolist() != before.token_ids


def test_sliding_windows_are_kept():
    torch.manual_seed(0)
    config = Qwen2Config(**SHAPE, use_sliding_window=True, sliding_window=4, max_window_layers=1)
    model, prompts = Qwen2ForCausalLM(config), make_prompts()
    groups = TransformersEngine(model, Letters(), batch=3).generate(
        prompts, SamplingRecipe(temperature=0.0, max_new_tokens=12), samples=1, seed=0
    )
    for prompt, (completion,) in zip(prompts, groups, strict=True):
        expected = model.eval().generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=12, pad_token_id=0)
        assert completion.token_ids == expected[0, len(prompt) :].tolist()


def test_completion_stops_where_a_stop_string_is_complete():
    model, prompts = make_model(), make_prompts()
    sampling = SamplingRecipe(max_new_tokens=24)
    free = TransformersEngine(model, Letters(), batch=9).generate(prompts, sampling, samples=3, seed=4)
    stop = [free[0][0].text[5:7], free[1][1].text[3:6]]
    groups = TransformersEngine(model, Letters(), batch=9).generate(prompts, sampling, samples=3, seed=4, stop=stop)
    pairs = [pair for groups in zip(free, groups, strict=True) for pair in zip(*groups, strict=True)]
    for unstopped, stopped in pairs:
        places = [unstopped.text.find(one) for one in stop if one in unstopped.text]
        if places:
            assert stopped.finish_reason == "stop"
            assert stopped.text == unstopped.text[: min(places)]
            drawn = Letters().decode(stopped.token_ids, skip_special_tokens=True)
            assert drawn == stopped.text + next(one for one in stop if unstopped.text.startswith(one, min(places)))
            assert stopped.token_ids == unstopped.token_ids[: len(stopped.token_ids)]
        else:
            assert (stopped.token_ids, stopped.text) == (unstopped.token_ids, unstopped.text)
    assert 2 <= sum(one.text != other.text for one, other in pairs) < len(pairs)


def test_model_is_left_as_it_was():
    model = make_model().train()
    TransformersEngine(model, Letters()).generate([[3]], SamplingRecipe(max_new_tokens=2), samples=1, seed=0)
    assert model.training
    model(torch.tensor([[3, 4]]), labels=torch.tensor([[3, 4]])).loss.backward()
