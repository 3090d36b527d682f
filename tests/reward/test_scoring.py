"""A reward model's scores, against one solution at a time as it is trained."""

import pytest
import torch
from transformers import AutoModelForTokenClassification

from mathmill.errors import UserError
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.reinforcement.train import load_reward_model
from mathmill.reward.scoring import RewardModel, solution_score
from mathmill.training.chat import answer_ids, prompt_ids
from mathmill.training.model_directory import ModelRecord, save_model

TEXTS = [("1 + 1?", "\\boxed{2}"), ("12 + 30 + 4?", "12 + 30 = 42\n\n\\boxed{46}\n"), ("9?", "no")]
QUESTIONS = [Question("q", asked, "0", None, "made", "en") for asked, _ in TEXTS]
SOLUTIONS = [solution for _, solution in TEXTS]


def test_outcome_scores_do_not_depend_on_the_batch(make_reward_model, tokenizer):
    model, folder = make_reward_model("outcome")
    given = RewardModel.load(folder, "!", torch.device("cpu"))(QUESTIONS, SOLUTIONS)
    for (asked, solution), probability in zip(TEXTS, given, strict=True):
        ids = torch.tensor([prompt_ids(tokenizer, asked, "!") + answer_ids(tokenizer, solution.strip())])
        with torch.no_grad():
            expected = torch.sigmoid(model(ids).logits[0, 0])
        assert probability == pytest.approx(float(expected), abs=1e-5)
    assert len(set(given)) == 3


def test_process_scores_are_read_where_steps_end(make_reward_model, tokenizer):
    _, folder = make_reward_model("process")
    plain = AutoModelForTokenClassification.from_pretrained(folder).eval()
    assert plain.config.num_labels == 1
    reward = RewardModel.load(folder, "!", torch.device("cpu"))
    steps = reward.step_scores(QUESTIONS, SOLUTIONS)
    assert [len(one) for one in steps] == [1, 2, 1]
    prompt = prompt_ids(tokenizer, "12 + 30 + 4?", "!")
    for text, score in zip(("12 + 30 = 42", "12 + 30 = 42\n\\boxed{46}"), steps[1], strict=True):
        ids = torch.tensor([prompt + answer_ids(tokenizer, text)[:-1]])
        with torch.no_grad():
            expected = torch.sigmoid(plain(ids).logits[0, -1, 0])
        assert score == pytest.approx(float(expected), abs=1e-5)
    assert reward(QUESTIONS, SOLUTIONS) == [min(one) for one in steps]


def test_the_worst_step_is_the_score():
    assert solution_score([0.9, 0.2, 0.95]) == 0.2
    assert solution_score([]) == 0.0


def test_a_solution_without_a_step_scores_nothing(make_reward_model):
    _, folder = make_reward_model("process")
    reward = RewardModel.load(folder, "", torch.device("cpu"))
    assert reward(QUESTIONS[:2], [" \n", "\\boxed{2}"])[0] == 0.0


def test_another_model_is_refused(make_reward_model, tokenizer, tmp_path):
    model, _ = make_reward_model("outcome")
    save_model(model, tokenizer, tmp_path / "rl", ModelRecord("rl", "tiny", "0" * 64, None, None, ""))
    with pytest.raises(UserError, match=r"is the rl model: name one made by `mathmill train reward`"):
        RewardModel.load(tmp_path / "rl", "", torch.device("cpu"))


@pytest.mark.parametrize("kind", ["outcome", "process"])
def test_reinforcement_takes_the_model_that_its_reward_needs(make_reward_model, kind):
    _, folder = make_reward_model(kind)
    recipe = Recipe.model_validate({"name": "t"})
    rewards = load_reward_model(folder, f"{kind}_model", recipe, torch.device("cpu"))(QUESTIONS, SOLUTIONS)
    assert all(0 <= reward < 1 for reward in rewards)
    other = "process" if kind == "outcome" else "outcome"
    with pytest.raises(UserError, match=rf"is a {kind} model, and reinforce\.rewards has {other}_model: give --"):
        load_reward_model(folder, f"{other}_model", recipe, torch.device("cpu"))
