"""Samples made by hand, a tiny policy in float64, and the process group that training code asks for its ranks."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from mathmill.grading.grader import Verdict
from mathmill.questions import Question
from mathmill.reinforcement.policy import Policy
from mathmill.reinforcement.sample import Group, Sample, Steps
from mathmill.rollout.engine import Completion

VOCABULARY = 40


def tiny_model(seed: int = 0) -> GPT2LMHeadModel:
    """A random model, its distributions far from flat, in float64 throughout; LLaMA's norms would round to float32."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=32,
        n_embd=16,
        n_layer=2,
        n_head=4,
        initializer_range=0.4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    return GPT2LMHeadModel(config).double().eval()


def tiny_policy(seed: int = 0) -> Policy:
    """The model as a policy."""
    return Policy(tiny_model(seed))


def make_sample(
    prompt: list[int],
    tokens: list[int],
    reward: float = 0.0,
    *,
    log_probs: list[float] | None = None,
    steps: Steps | None = None,
    whole: float = 0.0,
    written: list[bool] | None = None,
) -> Sample:
    """A sample of these tokens, with a reward."""
    question = Question(str(prompt), "?", "1", None, "made", "en")
    completion = Completion(tokens, log_probs or [], "stop", "", written=written)
    verdict = Verdict("1", "right" if reward > 0.5 else "wrong")
    return Sample(question, prompt, completion, verdict, {"rule": reward}, reward, steps, whole)


def ragged_groups(seed: int, questions: int = 3, group: int = 4) -> list[Group]:
    """Groups of completions of 1 to 9 random tokens, with rewards of 0 and 1 in each."""
    generator = torch.Generator().manual_seed(seed)

    def tokens(least: int, most: int) -> list[int]:
        length = int(torch.randint(least, most + 1, (1,), generator=generator))
        return torch.randint(2, VOCABULARY, (length,), generator=generator).tolist()

    groups = []
    for _ in range(questions):
        prompt = tokens(1, 6)
        groups.append([make_sample(prompt, tokens(1, 9), float(place % 3 == 0)) for place in range(group)])
    return groups


def token_log_probs(model: GPT2LMHeadModel, sample: Sample, temperature: float = 1.0) -> torch.Tensor:
    """What the model says of a sample's tokens, by a plain forward pass of it alone: [tokens], with gradient."""
    prompt, tokens = sample.prompt, sample.completion.token_ids
    logits = model(input_ids=torch.tensor([prompt + tokens]), use_cache=False).logits[0, len(prompt) - 1 : -1]
    return torch.log_softmax(logits / temperature, dim=-1).gather(-1, torch.tensor(tokens)[:, None])[:, 0]
