"""vLLM, where `MATHMILL_VLLM_PYTHON` names the interpreter of an environment that has it, against our own engine."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.errors import UserError
from mathmill.recipe_rollout import RolloutRecipe, VllmRecipe
from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.transformers_engine import TransformersEngine
from mathmill.rollout.vllm_engine import VllmEngine
from mathmill.rollout.vllm_process import VllmProcess, process_environment
from tests.byte_tokenizer import byte_tokenizer

PYTHON = os.environ.get("MATHMILL_VLLM_PYTHON")
CONTEXT = 512
LOG_PROB_BOUND = 2e-4
"""Of the two engines' float32 log-probabilities, in nats; 1e-4 is our own engine's distance from a forward pass."""
needs_vllm = [
    pytest.mark.skipif(PYTHON is None, reason="MATHMILL_VLLM_PYTHON names no interpreter of an environment with vLLM"),
    pytest.mark.slow,
]

TOKENIZER = byte_tokenizer()
ENDS = [TOKENIZER.eos_token_id, 10]
LETTERS = 94
"""Tokens below it are one letter each; those above may be parts of one."""
PROMPTS = [list(b"abc"), list(range(30, 70)), [7], [(7 * i) % 250 for i in range(300)]]
"""The last one fills blocks of vLLM's cache of prompts."""


def make_model(seed: int, *, tied: bool = False) -> LlamaForCausalLM:
    """A tiny random model, far from flat, that ends now and then."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(TOKENIZER),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=ENDS,
        pad_token_id=TOKENIZER.pad_token_id,
        initializer_range=0.2,
        tie_word_embeddings=tied,
    )
    return LlamaForCausalLM(config).eval()


def recipe(**keys) -> VllmRecipe:
    return VllmRecipe(**{"python": PYTHON, "memory": 0.1, "dtype": "float32", "seconds": 300, **keys})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_model(0).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(folder):
    with VllmEngine(folder, TOKENIZER, recipe(), context=CONTEXT) as engine:
        yield engine


@pytest.fixture
def fresh(engine) -> VllmEngine:
    """The engine of all tests here with version 0 of the weights, which are those of `make_model(0)`."""
    engine.adopt(0, make_model(0).state_dict)
    return engine


def servers() -> list[psutil.Process]:
    """The vLLM processes of these tests that run."""
    return [one for one in psutil.Process().children() if "vllm_server" in " ".join(one.cmdline())]


def forward_log_probs(model, prompt, token_ids, temperature):
    with torch.no_grad():
        logits = model(torch.tensor([prompt + token_ids])).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits / temperature, -1).gather(-1, torch.tensor(token_ids)[:, None])[:, 0]


def gap(model, groups, temperature) -> float:
    """The greatest difference of the completions' log-probabilities from those of a forward pass over `PROMPTS`."""
    return max(
        float((forward_log_probs(model, prompt, one.token_ids, temperature) - torch.tensor(one.log_probs)).abs().max())
        for prompt, group in zip(PROMPTS, groups, strict=True)
        for one in group
    )


class TestDrawing:
    pytestmark = needs_vllm

    def test_greedy_completions_are_those_of_our_own_engine(self, fresh):
        sampling = SamplingRecipe(temperature=0.0, max_new_tokens=60)
        ours = TransformersEngine(make_model(0), TOKENIZER).generate(PROMPTS, sampling, samples=1, seed=0)
        theirs = fresh.generate(PROMPTS, sampling, samples=1, seed=0)
        for (own,), (other,) in zip(ours, theirs, strict=True):
            assert replace(other, log_probs=own.log_probs) == own
            torch.testing.assert_close(other.log_probs, own.log_probs, atol=LOG_PROB_BOUND, rtol=0)
        assert {one.finish_reason for (one,) in theirs} == {"stop", "length"}

    @pytest.mark.parametrize("temperature", [1.0, 0.6, 1.7])
    def test_log_probs_are_those_of_a_forward_pass_at_the_temperature(self, fresh, temperature):
        sampling = SamplingRecipe(temperature=temperature, max_new_tokens=30)
        groups = fresh.generate(PROMPTS, sampling, samples=4, seed=5)
        assert gap(make_model(0), groups, temperature) < LOG_PROB_BOUND

    def test_completion_ends_with_an_end_token_or_at_the_limit(self, fresh):
        groups = fresh.generate(PROMPTS, SamplingRecipe(temperature=1.5, max_new_tokens=40), samples=32, seed=4)
        completions = [one for group in groups for one in group]
        for one in completions:
            ended = one.token_ids[-1] in ENDS
            assert one.finish_reason == ("stop" if ended else "length")
            assert ended or len(one.token_ids) == 40
            assert not set(one.token_ids[:-1]) & set(ENDS)
            assert one.text == TOKENIZER.decode(one.token_ids, skip_special_tokens=True)
        assert {*ENDS} < {one.token_ids[-1] for one in completions}
        assert {one.finish_reason for one in completions} == {"stop", "length"}

    def test_what_is_drawn_depends_on_prompt_sample_and_seed_alone(self, fresh):
        sampling = SamplingRecipe(max_new_tokens=20)

        def tokens(order, samples, seed):
            groups = fresh.generate([PROMPTS[i] for i in order], sampling, samples=samples, seed=seed)
            return {i: [one.token_ids for one in group] for i, group in zip(order, groups, strict=True)}

        everything = tokens([0, 1, 2, 3], 4, 9)
        assert tokens([0, 1, 2, 3], 4, 9) == everything
        assert tokens([3, 1, 0, 2], 4, 9) == everything
        assert tokens([1], 2, 9)[1] == everything[1][:2]
        assert tokens([0, 1, 2, 3], 4, 10) != everything
        assert tokens([0, 1, 2, 3], 4, [10, 9, 9, 9])[1] == everything[1]
        assert tokens([0, 1, 2, 3], 4, [10, 9, 9, 9])[0] != everything[0]
        assert len({tuple(one) for one in everything[1]}) == 4

    def test_draws_follow_the_models_distribution(self, fresh):
        prompt, draws = PROMPTS[0], 2000
        (group,) = fresh.generate([prompt], SamplingRecipe(max_new_tokens=1), samples=draws, seed=2)
        with torch.no_grad():
            expected = torch.softmax(make_model(0)(torch.tensor([prompt])).logits[0, -1], -1)
        counts = torch.bincount(torch.tensor([one.token_ids[0] for one in group]), minlength=len(expected))
        common = expected * draws > 5
        statistic = (((counts - expected * draws) ** 2) / (expected * draws))[common].sum()
        assert statistic < 1.8 * common.sum()  # chi-squared: mean 1 a degree of freedom

    def test_completion_ends_with_the_token_that_completes_a_stop_string(self, fresh):
        sampling = SamplingRecipe(max_new_tokens=60)
        ((whole,),) = fresh.generate([PROMPTS[1]], sampling, samples=1, seed=0)
        ids = whole.token_ids
        assert whole.finish_reason == "length"
        letters = next(n for n in range(5, 59) if max(ids[n : n + 2]) < LETTERS)
        stop = TOKENIZER.decode(ids[letters : letters + 2])
        end = next(n for n in range(1, 61) if stop in TOKENIZER.decode(ids[:n]))
        ((one,),) = fresh.generate([PROMPTS[1]], sampling, samples=1, seed=0, stop=["never so", stop])
        assert (one.token_ids, one.finish_reason) == (ids[:end], "stop")
        assert len(one.log_probs) == end
        assert one.text == TOKENIZER.decode(ids[:end], skip_special_tokens=True).removesuffix(stop)


class TestWeights:
    pytestmark = needs_vllm

    def test_completions_follow_the_weights_and_tell_their_version(self, fresh):
        sampling = SamplingRecipe(temperature=0.8, max_new_tokens=20)
        before = fresh.generate(PROMPTS, sampling, samples=2, seed=1)
        updated = make_model(1)
        fresh.adopt(3, updated.state_dict)
        after = fresh.generate(PROMPTS, sampling, samples=2, seed=1)
        assert {one.version for group in before for one in group} == {0}
        assert {one.version for group in after for one in group} == {3}
        assert gap(updated, after, 0.8) < LOG_PROB_BOUND
        assert gap(make_model(0), after, 0.8) > 100 * LOG_PROB_BOUND
        fresh.adopt(4, make_model(0).state_dict)
        again = fresh.generate(PROMPTS, sampling, samples=2, seed=1)
        assert [[one.token_ids for one in group] for group in again] == [
            [one.token_ids for one in group] for group in before
        ]

    def test_stale_weights_are_refused(self, fresh, folder):
        fresh.adopt(6, make_model(1).state_dict)
        fresh._process.ask("load", 5, str(folder))  # noqa: SLF001 - someone else's doing
        with pytest.raises(RuntimeError, match="version 5 of the weights, not 6"):
            fresh.generate(PROMPTS, SamplingRecipe(max_new_tokens=2), samples=1, seed=0)

    def test_incomplete_weights_are_refused(self, fresh):
        state = make_model(1).state_dict()
        del state["model.norm.weight"]
        with pytest.raises(RuntimeError, match=r"lacks 1 .* model\.norm\.weight"):
            fresh.adopt(1, lambda: state)

    def test_a_head_that_is_the_embedding_follows_as_well(self, tmp_path):
        make_model(0, tied=True).save_pretrained(tmp_path)
        TOKENIZER.save_pretrained(tmp_path)
        updated = make_model(1, tied=True)
        with VllmEngine(tmp_path, TOKENIZER, recipe(), context=CONTEXT) as engine:
            engine.adopt(1, updated.state_dict)
            groups = engine.generate(PROMPTS, SamplingRecipe(max_new_tokens=20), samples=2, seed=1)
            assert gap(updated, groups, 1.0) < LOG_PROB_BOUND
            headless = {name: one for name, one in updated.state_dict().items() if name != "lm_head.weight"}
            with pytest.raises(RuntimeError, match=r"lacks 1 .* lm_head\.weight"):
                engine.adopt(2, lambda: headless)


class TestRequests:
    pytestmark = needs_vllm

    def test_what_vllm_cannot_tell_is_refused(self, fresh):
        with pytest.raises(UserError, match=r"sampling\.top_p 0\.9: .* rollout\.engine to transformers"):
            fresh.generate(PROMPTS, SamplingRecipe(top_p=0.9), samples=1, seed=0)

    def test_what_would_be_cut_by_the_context_is_refused(self, fresh):
        with pytest.raises(
            UserError, match=r"300 tokens and sampling\.max_new_tokens 213 go beyond the context of 512"
        ):
            fresh.generate(PROMPTS, SamplingRecipe(max_new_tokens=213), samples=1, seed=0)


class TestProcess:
    @pytest.mark.slow
    @pytest.mark.skipif(PYTHON is None, reason="MATHMILL_VLLM_PYTHON names no environment with vLLM")
    def test_a_killed_process_is_one_clear_error(self, folder):
        others = set(servers())
        with VllmEngine(folder, TOKENIZER, recipe(), context=CONTEXT) as engine:
            (server,) = set(servers()) - others
            server.kill()
            for _ in range(2):
                with pytest.raises(RuntimeError, match="vLLM ended with code -9 at `draw`"):
                    engine.generate(PROMPTS, SamplingRecipe(max_new_tokens=2), samples=1, seed=0)

    @pytest.mark.skipif(PYTHON is None, reason="MATHMILL_VLLM_PYTHON names no environment with vLLM")
    def test_no_answer_in_time_is_an_error_and_ends_the_process(self, folder):
        others = servers()
        with pytest.raises(RuntimeError, match=r"no answer to `start` in 0\.1 s, and was ended"):
            VllmEngine(folder, TOKENIZER, recipe(seconds=0.1), context=CONTEXT)
        assert servers() == others

    def test_an_interpreter_without_vllm_is_the_users_to_mend(self, folder):
        with pytest.raises(UserError, match=r"rollout\.vllm\.python: .* has no vLLM: install it there"):
            VllmProcess(recipe(python=sys.executable), folder, context=CONTEXT, local_rank=0)

    def test_a_missing_interpreter_is_the_users_to_mend(self, folder):
        with pytest.raises(UserError, match=r"rollout\.vllm\.python: no interpreter at /nowhere/python"):
            VllmProcess(recipe(python="/nowhere/python"), folder, context=CONTEXT, local_rank=0)

    def test_it_is_no_rank_and_sees_the_gpu_of_its_rank(self):
        rank = {"RANK": "5", "LOCAL_RANK": "1", "PYTHONPATH": "/here", "HOME": "/home"}
        own = process_environment(rank, [], 1)
        assert {"HOME": "/home", "CUDA_VISIBLE_DEVICES": "1"}.items() <= own.items()
        assert not {"RANK", "LOCAL_RANK", "PYTHONPATH"} & own.keys()
        assert process_environment(rank | {"CUDA_VISIBLE_DEVICES": "6,2"}, [], 1)["CUDA_VISIBLE_DEVICES"] == "2"
        assert process_environment(rank | {"CUDA_VISIBLE_DEVICES": ""}, [], 1)["CUDA_VISIBLE_DEVICES"] == ""
        assert process_environment(rank, [3, 7], 1)["CUDA_VISIBLE_DEVICES"] == "7"

    def test_a_rank_without_a_gpu_for_vllm_is_the_users_to_mend(self):
        with pytest.raises(UserError, match=r"rollout\.vllm\.devices: local rank 1 has none of \[3\]"):
            process_environment({}, [3], 1)


def test_the_recipe_asks_for_the_interpreter():
    with pytest.raises(ValueError, match=r"engine vllm needs vllm\.python"):
        RolloutRecipe(engine="vllm")
