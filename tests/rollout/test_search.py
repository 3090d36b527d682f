"""Search with scores made by hand, on a tiny random model that writes lines."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.questions import Question
from mathmill.recipe_sampling import SamplingRecipe, SearchRecipe
from mathmill.rollout.search import Search
from mathmill.rollout.transformers_engine import TransformersEngine
from tests.byte_tokenizer import byte_tokenizer

SAMPLING = SamplingRecipe(max_new_tokens=24)
QUESTIONS = [Question(str(n), f"q{n}", "", None, "hand", "en") for n in range(3)]


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


@pytest.fixture(scope="module")
def engine(tokenizer):
    """Draws random letters, a line break about every fourth time, and rarely an end."""
    torch.manual_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, **size))
    head = torch.nn.Linear(16, len(tokenizer))
    head.weight = model.lm_head.weight
    torch.nn.init.constant_(head.bias, -100)
    head.bias.data[tokenizer("abcdefgh")["input_ids"]] = 0
    head.bias.data[tokenizer("\n")["input_ids"]] = 1
    head.bias.data[tokenizer.eos_token_id] = -0.5
    model.lm_head = head
    return TransformersEngine(model, tokenizer)


class Counting:
    """Scores a solution by the mean share of `a` in its lines, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, questions, solutions):
        self.asked.append(list(zip([question.id for question in questions], solutions, strict=True)))
        return [self.score(solution) for solution in solutions]

    @staticmethod
    def score(solution):
        lines = [line for line in solution.split("\n") if line]
        return sum(line.count("a") / len(line) for line in lines) / len(lines) if lines else 0.0


def find(engine, tokenizer, scorer, *, questions=QUESTIONS, seed=1, stop=(), **recipe):
    prompts = [tokenizer(question.question)["input_ids"] for question in questions]
    search = Search(SearchRecipe(**recipe), engine, tokenizer, scorer)
    return search(questions, prompts, SAMPLING, seed=seed, stop=stop)


def test_best_of_takes_the_highest_score(engine, tokenizer):
    found = find(engine, tokenizer, Counting(), kind="best_of", samples=12)
    prompts = [tokenizer(question.question)["input_ids"] for question in QUESTIONS]
    groups = engine.generate(prompts, SAMPLING, samples=12, seed=1)
    for one, group in zip(found, groups, strict=True):
        scores = [Counting.score(other.text) for other in group]
        assert one.token_ids == group[scores.index(max(scores))].token_ids


@pytest.mark.parametrize(("width", "trees"), [(1, 1), (2, 1), (1, 3), (2, 2)])
def test_beam_keeps_the_best_beginnings_of_each_tree(engine, tokenizer, width, trees):
    scorer = Counting()
    find(engine, tokenizer, scorer, kind="beam", width=width, trees=trees, expansions=3, questions=QUESTIONS[:1])
    first = [text for _, text in scorer.asked[0]]
    assert len(first) == trees * width * 3
    kept = []
    for tree in range(trees):
        part = first[tree * width * 3 : (tree + 1) * width * 3]
        kept += sorted(part, key=Counting.score, reverse=True)[:width]
    going = [text for text in kept if text.endswith("\n")]
    second = [text for _, text in scorer.asked[1]]
    assert len(second) == 3 * len(going)
    for place, text in enumerate(second):
        assert text.startswith(going[place // 3])
        assert text.count("\n", len(going[place // 3]), -1) == 0  # one step further


def test_beam_finds_whole_solutions_within_the_limit(engine, tokenizer):
    scorer = Counting()
    found = find(engine, tokenizer, scorer, kind="beam", width=2, trees=2, expansions=2)
    everything = {
        question.id: [text for asked in scorer.asked for one, text in asked if one == question.id]
        for question in QUESTIONS
    }
    for question, one in zip(QUESTIONS, found, strict=True):
        assert one.text in everything[question.id]
        assert len(one.token_ids) == len(one.log_probs) <= 24
        assert (one.token_ids[-1] == tokenizer.eos_token_id) == (one.finish_reason == "stop")
        assert one.finish_reason == "stop" or len(one.token_ids) == 24
        assert one.text == tokenizer.decode(one.token_ids, skip_special_tokens=True)
    assert {one.finish_reason for one in found} == {"stop", "length"}


def test_search_pays(engine, tokenizer):
    def mean(**recipe):
        found = [one for seed in range(8) for one in find(engine, tokenizer, Counting(), seed=seed, **recipe)]
        return sum(Counting.score(one.text) for one in found) / len(found)

    assert mean(kind="best_of", samples=1) + 0.1 < mean(kind="best_of", samples=8)
    assert mean(kind="best_of", samples=1) + 0.1 < mean(kind="beam", width=2, expansions=4, trees=1)


def test_what_is_found_depends_on_the_question_and_seed_alone(engine, tokenizer):
    recipe = {"kind": "beam", "width": 2, "trees": 2, "expansions": 2}
    everything = [one.token_ids for one in find(engine, tokenizer, Counting(), **recipe)]
    alone = [find(engine, tokenizer, Counting(), questions=[one], **recipe)[0].token_ids for one in QUESTIONS]
    assert alone == everything
    assert [one.token_ids for one in find(engine, tokenizer, Counting(), seed=2, **recipe)] != everything


def test_other_stop_strings_end_a_solution(engine, tokenizer):
    scorer = Counting()
    found = find(engine, tokenizer, scorer, kind="beam", width=2, trees=1, expansions=4, stop=["\nb", "c"])
    assert all("\nb" not in text and "c" not in text for asked in scorer.asked for _, text in asked)
    stopped = [one for one in found if tokenizer.decode(one.token_ids) in (f"{one.text}c", f"{one.text}\nb")]
    assert stopped
    assert {one.finish_reason for one in stopped} == {"stop"}
