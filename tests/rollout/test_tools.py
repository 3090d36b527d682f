"""Programs run while a tiny model writes that has learned one solution by heart."""

import contextlib
import io

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.engine import Completion
from mathmill.rollout.tools import ToolEngine
from mathmill.rollout.transformers_engine import TransformersEngine
from tests.byte_tokenizer import byte_tokenizer

PROGRAM = "print(2 ** 5 + 10)\n"
BEFORE = f"By a program:\n```python\n{PROGRAM}```\n```output"
AFTER = "So \\boxed{42}."
PROMPT = "Q:"


class Python:
    """A tool that runs programs in this process, and remembers them by call."""

    def __init__(self):
        self.calls = []

    def __call__(self, programs):
        self.calls.append(list(programs))
        return [self.run(program) for program in programs]

    @staticmethod
    def run(program):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(program, {})
        return out.getvalue()


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    """A model that learned to write BEFORE, and AFTER once it has been given an output."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    ids = torch.tensor([tokenizer(f"{PROMPT}{BEFORE}\n42\n```\n{AFTER}<e>")["input_ids"]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(120):
        loss = model(ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss < 0.02
    return model


@pytest.fixture
def engine(model, tokenizer):
    return TransformersEngine(model, tokenizer)


def draw(engine, tokenizer, tool, *, rounds=2, limit=200, samples=3, stop=(), temperature=0.0):
    prompts = [tokenizer(PROMPT)["input_ids"]] * 2
    sampling = SamplingRecipe(temperature=temperature, max_new_tokens=limit)
    wrapped = ToolEngine(engine, tokenizer, tool, rounds)
    groups = wrapped.generate(prompts, sampling, samples=samples, seed=0, stop=stop)
    assert [len(group) for group in groups] == [samples] * 2
    return [one for group in groups for one in group]


def test_output_is_given_and_the_model_goes_on(engine, tokenizer):
    tool = Python()
    completions = draw(engine, tokenizer, tool)
    assert tool.calls == [[PROGRAM] * 6]
    for one in completions:
        assert one.text == f"{BEFORE}\n42\n```\n{AFTER}"
        assert one.finish_reason == "stop"
        assert one.token_ids == tokenizer(f"{one.text}<e>")["input_ids"]
        given = bytes(not drawn for drawn in one.written)
        assert given == bytes(len(BEFORE)) + b"\1" * len("\n42\n```\n") + bytes(len(AFTER) + 1)
        assert all((log_prob == 0) >= (not drawn) for log_prob, drawn in zip(one.log_probs, one.written, strict=True))


def test_drawn_tokens_have_the_log_probabilities_of_a_forward_pass(engine, model, tokenizer):
    (one, *_) = draw(engine, tokenizer, Python(), temperature=1.0)
    prompt = tokenizer(PROMPT)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([prompt + one.token_ids])).logits[0, len(prompt) - 1 : -1]
    expected = torch.log_softmax(logits, -1).gather(-1, torch.tensor(one.token_ids)[:, None])[:, 0]
    written = torch.tensor(one.written)
    assert 0 < written.sum() < len(written)
    torch.testing.assert_close(torch.tensor(one.log_probs)[written], expected[written], atol=1e-4, rtol=0)
    assert not torch.tensor(one.log_probs)[~written].any()


def test_tokens_of_the_tool_count(engine, tokenizer):
    for limit in (len(BEFORE) - 1, len(BEFORE), len(BEFORE) + 4, len(BEFORE) + 12):
        for one in draw(engine, tokenizer, Python(), limit=limit):
            whole = f"{BEFORE}\n42\n```\n{AFTER}"
            assert (one.text, one.finish_reason) == (whole[:limit], "length")
            assert len(one.token_ids) == len(one.log_probs) == len(one.written) == limit


def test_completion_ends_at_the_fence_after_the_last_round(engine, tokenizer):
    tool = Python()
    (one, *_) = draw(engine, tokenizer, tool, rounds=0)
    assert (one.text, one.finish_reason, tool.calls) == (BEFORE, "stop", [])


def test_other_stop_strings_hold_before_and_after_the_output(engine, tokenizer):
    tool = Python()
    assert {one.text for one in draw(engine, tokenizer, tool, stop=["boxed"])} == {f"{BEFORE}\n42\n```\nSo \\"}
    assert {one.text for one in draw(engine, tokenizer, tool, stop=["program"])} == {"By a "}
    assert len(tool.calls) == 1


class Script:
    """An engine that writes given texts, one a call."""

    def __init__(self, tokenizer, texts):
        self.tokenizer, self.texts, self.prompts = tokenizer, iter(texts), []

    def adopt(self, version, weights):
        raise NotImplementedError

    def generate(self, prompts, sampling, *, samples, seed, stop):
        self.prompts.append(prompts)
        text = next(self.texts)
        ids = self.tokenizer(text)["input_ids"]
        cut = min((place for one in stop if (place := text.find(one)) >= 0), default=len(text))
        return [[Completion(ids, [-1.0] * len(ids), "stop", text[:cut]) for _ in range(samples)] for _ in prompts]


def test_fence_within_a_line_is_none_and_one_without_a_program_ends(tokenizer):
    script = Script(tokenizer, ["write ```output", " so\n```output"])
    tool = Python()
    (one,) = ToolEngine(script, tokenizer, tool, 2).generate(
        [[1]], SamplingRecipe(max_new_tokens=90), samples=1, seed=0
    )[0]
    assert (one.text, tool.calls) == ("write ```output so\n```output", [])


def test_last_program_is_run_and_a_break_drawn_with_the_fence_is_not_given_again(tokenizer):
    blocks = "```python\nprint(1)\n```\nno,\n```python\nprint(2)\n```\n```output\n"
    script = Script(tokenizer, [blocks, "fine"])
    tool = Python()
    (one,) = ToolEngine(script, tokenizer, tool, 2).generate(
        [[1]], SamplingRecipe(max_new_tokens=90), samples=1, seed=0
    )[0]
    assert tool.calls == [["print(2)\n"]]
    assert one.text == f"{blocks}2\n```\nfine"
    assert script.prompts[1] == [[1, *tokenizer(f"{blocks}2\n```\n")["input_ids"]]]
