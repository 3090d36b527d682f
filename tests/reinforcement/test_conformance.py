r"""Every algorithm's gradient is the paper's: E[1/|o| sum_t GC(q, o, t) grad log pi(o_t)] (Eq. 5, appendix A.1).

What the training loop differentiates, packed rows, shared prompts, fused log-probabilities and all, is compared in
float64 with a sum over samples and tokens of the coefficient written out by hand times the gradient of the token's
log-probability, which a plain forward pass of each sample alone gives.
"""

import math
from types import SimpleNamespace

import pytest
import torch

from mathmill.recipe import Recipe
from mathmill.reinforcement.critic import CriticLearner
from mathmill.reinforcement.layout import Row, padded
from mathmill.reinforcement.objectives import Totals
from mathmill.reinforcement.passes import learned, passes_of_step
from mathmill.reinforcement.policy import Critic, Policy, Reference
from mathmill.reinforcement.sample import Steps
from mathmill.reinforcement.update import Learner, Sums, objective, prepare
from tests.reinforcement.samples import make_sample, ragged_groups, tiny_model, tiny_policy, token_log_probs

pytestmark = pytest.mark.usefixtures("one_rank")
BETA = 0.07
CPU = torch.device("cpu")


def make_recipe(**settings) -> Recipe:
    whole = {"group": 4, "questions_per_step": 3, "rewards": [{"kind": "rule"}], "kl_coefficient": BETA, **settings}
    return Recipe.model_validate({"name": "t", "launch": {"processes": 1}, "reinforce": whole})


def gradients(recipe, groups, *, passes=1, reference=None, critic=None):
    """The gradient of the step's objective, by parameter, as the training loop makes it."""
    policy = tiny_policy()
    settings = recipe.reinforce
    reference = reference and Reference(reference, adapted=False)
    learner = Learner(SimpleNamespace(engine=policy), passes, reference, critic, recipe, CPU)
    counted = learned(groups, settings)
    totals = Totals(len(counted), sum(len(sample.completion.token_ids) for sample in counted))
    parts = passes_of_step(groups, settings, totals, passes, CPU)
    prepare(learner, parts, groups, 0)
    for part in parts:
        objective(learner, part, 0, Sums()).backward()
    return {name: one.grad for name, one in policy.model.named_parameters() if one.grad is not None}


def expected(groups, coefficient, *, model=None):
    """The sum over all tokens of coefficient(sample, t, log-probabilities) x the gradient of the log-probability."""
    model = model or tiny_model()
    total = 0
    for group in groups:
        for sample in group:
            log_probs = token_log_probs(model, sample)
            weights = torch.tensor(
                [coefficient(group, sample, t) for t in range(len(sample.completion.token_ids))], dtype=torch.float64
            )
            total = total + (weights * log_probs).sum()
    total.backward()
    return {name: one.grad for name, one in model.named_parameters() if one.grad is not None}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, grad in theirs.items():
        torch.testing.assert_close(ours[name], grad, atol=1e-12, rtol=1e-9)


def frozen_log_probs(model, groups):
    with torch.no_grad():
        return {id(sample): token_log_probs(model, sample).tolist() for group in groups for sample in group}


def count(groups):
    return sum(map(len, groups))


@pytest.mark.parametrize("passes", [1, 2, 5, 12])
def test_sft_weighs_every_token_1(passes):
    groups = [[group[0]] for group in ragged_groups(1)]
    recipe = make_recipe(algorithm="sft")
    ours = gradients(recipe, groups, passes=passes)
    assert_same(ours, expected(groups, lambda group, sample, t: 1 / len(sample.completion.token_ids) / 3))


@pytest.mark.parametrize("algorithm", ["rft", "online_rft"])
@pytest.mark.parametrize("passes", [1, 5])
def test_rft_weighs_right_answers_1_and_wrong_ones_0(algorithm, passes):
    """Eq. 10."""
    groups = ragged_groups(2)
    ours = gradients(make_recipe(algorithm=algorithm), groups, passes=passes)
    wanted = expected(groups, lambda group, sample, t: sample.reward / len(sample.completion.token_ids) / count(groups))
    assert_same(ours, wanted)


@pytest.mark.parametrize("passes", [1, 3, 7])
def test_grpo_with_outcome_supervision(passes):
    """Eq. 21: GC = A + beta (pi_ref/pi - 1), with A = (r - mean)/std of the group."""
    groups = ragged_groups(3)
    other = tiny_model(1)
    ours = gradients(make_recipe(advantage_epsilon=0.0), groups, passes=passes, reference=tiny_policy(1))
    policy, reference = frozen_log_probs(tiny_model(), groups), frozen_log_probs(other, groups)

    def coefficient(group, sample, t):
        rewards = [one.reward for one in group]
        mean = sum(rewards) / len(rewards)
        std = math.sqrt(sum((one - mean) ** 2 for one in rewards) / len(rewards))
        ratio = math.exp(reference[id(sample)][t] - policy[id(sample)][t])
        gc = (sample.reward - mean) / std + BETA * (ratio - 1)
        return gc / len(sample.completion.token_ids) / count(groups)

    assert_same(ours, expected(groups, coefficient))


def test_grpo_with_process_supervision():
    """Section 4.1.3: A_t = the sum of (r - mean(R))/std(R) over the steps that end at t or later, R of the group."""
    prompt = [5, 6]
    steps = [Steps([1, 4], [0.9, 0.2]), Steps([0, 2, 3], [0.5, 0.6, 0.1]), Steps([], [])]
    lengths = [6, 4, 3]
    group = [
        make_sample(prompt, list(range(10, 10 + length)), steps=one) for one, length in zip(steps, lengths, strict=True)
    ]
    rewards = [{"kind": "rule"}, {"kind": "process_model"}]
    recipe = make_recipe(supervision="process", rewards=rewards, advantage_epsilon=0.0, group=3, kl_coefficient=0.0)
    # The rule's part is 0 for all, and 0/0 where nothing is added to the deviation.
    recipe = recipe.model_copy(update={"reinforce": recipe.reinforce.model_copy(update={"advantage_epsilon": 1e-300})})
    ours = gradients(recipe, [group])
    pooled = [reward for one in steps for reward in one.rewards]
    mean = sum(pooled) / len(pooled)
    std = math.sqrt(sum((one - mean) ** 2 for one in pooled) / len(pooled))

    def coefficient(group, sample, t):
        ends = zip(sample.steps.ends, sample.steps.rewards, strict=True)
        return sum((r - mean) / std for end, r in ends if end >= t) / len(sample.completion.token_ids) / len(group)

    assert_same(ours, expected([group], coefficient))


def test_ppo_weighs_by_generalised_advantages():
    """Eq. 18, GC = A_t, with the reward of Eq. 2: the penalty beta log(pi/pi_ref) at every token."""
    plain = ragged_groups(4)
    policy, reference = (frozen_log_probs(tiny_model(seed), plain) for seed in (0, 1))
    groups = [
        [make_sample(one.prompt, one.completion.token_ids, one.reward, log_probs=policy[id(one)]) for one in group]
        for group in plain
    ]
    recipe = make_recipe(algorithm="ppo", critic={"discount": 0.9, "gae_lambda": 0.8})
    torch.manual_seed(3)
    critic = Critic(tiny_model(2).transformer).double()
    torch.nn.init.normal_(critic.head.weight)
    learner = CriticLearner(SimpleNamespace(engine=critic), recipe.reinforce)
    ours = gradients(recipe, groups, passes=2, reference=tiny_policy(1), critic=learner)
    advantages = {}
    for ours_group, plain_group in zip(groups, plain, strict=True):
        for sample, same in zip(ours_group, plain_group, strict=True):
            ids = torch.tensor([sample.prompt + sample.completion.token_ids])
            with torch.no_grad():
                hidden = critic.decoder(input_ids=ids).last_hidden_state[0, len(sample.prompt) - 1 : -1]
                values = [*critic.head(hidden)[:, 0].tolist(), 0.0]
            kl = [p - r for p, r in zip(policy[id(same)], reference[id(same)], strict=True)]
            length = len(kl)
            rewards = [-BETA * kl[t] + (sample.reward if t == length - 1 else 0.0) for t in range(length)]
            deltas = [rewards[t] + 0.9 * values[t + 1] - values[t] for t in range(length)]
            advantages[id(sample)] = [
                sum((0.9 * 0.8) ** (later - t) * deltas[later] for later in range(t, length)) for t in range(length)
            ]

    def coefficient(group, sample, t):
        return advantages[id(sample)][t] / len(sample.completion.token_ids) / count(groups)

    assert_same(ours, expected(groups, coefficient))


@pytest.mark.parametrize("algorithm", ["dpo", "dpo_paper"])
@pytest.mark.parametrize("passes", [1, 2, 6])
def test_dpo_weighs_both_sides_of_a_pair(algorithm, passes):
    """Eq. 14 with its factor beta, and sigma of the whole sequence's argument: by length as the paper, or not."""
    groups = ragged_groups(5, group=6)
    ours = gradients(make_recipe(algorithm=algorithm, group=6), groups, passes=passes, reference=tiny_policy(1))
    policy, reference = (frozen_log_probs(tiny_model(seed), groups) for seed in (0, 1))

    def scale(sample):
        return len(sample.completion.token_ids) if algorithm == "dpo_paper" else 1

    def log_ratio(sample):
        pairs = zip(policy[id(sample)], reference[id(sample)], strict=True)
        return sum(p - r for p, r in pairs) / scale(sample)

    weights = {}
    for group in groups:
        right = [one for one in group if one.reward == 1]
        wrong = [one for one in group if one.reward == 0]
        assert len(right) == 2
        for accepted, rejected in zip(right, wrong[:2], strict=True):
            gc = BETA / (1 + math.exp(-BETA * (log_ratio(rejected) - log_ratio(accepted))))
            weights[id(accepted)], weights[id(rejected)] = gc, -gc

    def coefficient(group, sample, t):
        return weights.get(id(sample), 0.0) / scale(sample) / 6

    assert_same(ours, expected(groups, coefficient))


def test_a_tools_tokens_are_not_learned():
    tokens = [11, 12, 13, 14]
    sample = make_sample([5], tokens, 1.0, written=[True, False, False, True])
    other = make_sample([5], [20, 21], 0.0)
    ours = gradients(make_recipe(algorithm="online_rft", group=2), [[sample, other]])
    assert_same(ours, expected([[sample, other]], lambda group, one, t: float(one is sample and t in (0, 3)) / 2 / 2))


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_log_probs_are_those_of_each_sample_alone(temperature):
    groups = ragged_groups(6)
    samples = [sample for group in groups for sample in group]
    row = Row.of(samples, CPU)
    ours, _ = tiny_policy()(row, temperature)
    model = tiny_model()
    wanted = padded([token_log_probs(model, sample, temperature) for sample in samples])
    torch.testing.assert_close(row.by_completion(ours), wanted, atol=1e-12, rtol=0)


def test_clipping_is_counted_in_every_update():
    """With two updates whose second has every ratio at 2 and good rewards, half of the tokens are clipped."""
    groups = [[make_sample([5], [10, 11], 1.0, log_probs=[-1.0, -1.0]), make_sample([5], [12], 0.0, log_probs=[-1.0])]]
    recipe = make_recipe(group=2, updates=2, kl_coefficient=0.0)
    sums = Sums()
    policy = tiny_policy()
    learner = Learner(SimpleNamespace(engine=policy), 1, None, None, recipe, CPU)
    parts = passes_of_step(groups, recipe.reinforce, Totals(2, 3), 1, CPU)
    prepare(learner, parts, groups, 0)
    objective(learner, parts[0], 0, sums)
    parts[0].old = parts[0].old - math.log(2)
    objective(learner, parts[0], 0, sums)
    figures = sums.figures(CPU)
    # Both tokens of the good completion are held back in the second update; those of a bad one never are from above.
    assert figures["clip_ratio/region_mean"] == pytest.approx(2 / 3 / 2)
    assert figures["importance/mean"] == pytest.approx(1.0)


def test_ppo_does_not_punish_a_tools_tokens():
    tokens, log_probs = [10, 11, 12], [-1.0, 0.0, -2.0]
    sample = make_sample([5], tokens, 0.0, log_probs=log_probs, written=[True, False, True])
    recipe = make_recipe(algorithm="ppo", group=1, critic={"gae_lambda": 0.0})
    critic = Critic(tiny_model(2).transformer).double()
    learner = CriticLearner(SimpleNamespace(engine=critic), recipe.reinforce)
    part = passes_of_step([[sample]], recipe.reinforce, Totals(1, 2), 1, CPU)[0]
    part.reference = torch.tensor([[-3.0, -3.0, -3.0]], dtype=torch.float64)
    learner.judge([part], BETA)
    # The head says 0, and with lambda 0 an advantage is the token's own reward.
    assert part.coefficients[0].tolist() == pytest.approx([-BETA * 2, 0.0, -BETA * 1])


def test_the_reference_of_an_adapted_policy_is_the_model_without_adapters():
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(tiny_model(), LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")).double()
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    policy = Policy(adapted)
    row = Row.of([sample for group in ragged_groups(8) for sample in group], CPU)
    plain, _ = tiny_policy()(row, 1.0)
    torch.testing.assert_close(Reference(policy, adapted=True).log_probs(row, 1.0), plain, atol=1e-12, rtol=0)
    assert (policy(row, 1.0)[0] - plain).abs().max() > 0.01
