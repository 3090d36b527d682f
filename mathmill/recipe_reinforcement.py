"""The recipe's section on reinforcement learning: data source, reward functions and algorithm, which combine freely.

Defaults are the paper's (section 4.2). Where the paper is silent (clip range, temperature, number of steps, which
standard deviation) the field says what was chosen.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mathmill.recipe_questions import QuestionSource
from mathmill.recipe_sampling import SamplingRecipe
from mathmill.recipe_training import OptimizerRecipe
from mathmill.recipe_types import Count, PositiveCount, Rate, Section, Share

DataSource = Literal["solutions", "offline", "policy"]
Algorithm = Literal["sft", "rft", "online_rft", "dpo", "dpo_paper", "ppo", "grpo"]
DATA_OF: dict[Algorithm, DataSource] = {
    "sft": "solutions",
    "rft": "offline",
    "online_rft": "policy",
    "dpo": "offline",
    "dpo_paper": "offline",
    "ppo": "policy",
    "grpo": "policy",
}
"""Where the paper's methods take their samples from (appendix A.1, table 10)."""
PREFERENCES: tuple[Algorithm, ...] = ("dpo", "dpo_paper")
CLIPPED: tuple[Algorithm, ...] = ("ppo", "grpo")
"""Algorithms whose objective is built on the probability ratio."""

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "modern": {
        "advantage": "group_centred",
        "aggregation": "token",
        "clip_high": 0.28,
        "importance_cap": 2.0,
        "kl_coefficient": 0.0,
    },
}


class RuleReward(Section):
    """1 for the right answer, else 0."""

    kind: Literal["rule"]
    weight: Rate = 1.0
    noise: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of the verdicts that are believed to be flipped, either way: the reward r becomes (r - noise)/(1 - 2
    noise), whose mean over such flips is the true reward (Natarajan et al., "Learning with noisy labels", 2013, lemma
    1)."""


class OutcomeModelReward(Section):
    """The outcome reward model's probability that the solution is right."""

    kind: Literal["outcome_model"]
    weight: Rate = 1.0


class ProcessModelReward(Section):
    """The process reward model's score of each step; with outcome supervision the least of them."""

    kind: Literal["process_model"]
    weight: Rate = 1.0


class FormatReward(Section):
    """1 for a completion that ended by itself and has one boxed answer, else 0."""

    kind: Literal["format"]
    weight: Rate = 0.1


class OverlongReward(Section):
    """A penalty from 0 to 1 over the last `margin` tokens before the limit (DAPO, arXiv 2503.14476, Eq. 13)."""

    kind: Literal["overlong"]
    weight: Rate = 1.0
    margin: PositiveCount = 256


RewardPart = Annotated[
    RuleReward | OutcomeModelReward | ProcessModelReward | FormatReward | OverlongReward, Field(discriminator="kind")
]


class Ramp(Section):
    """A coefficient that changes linearly with the steps, and then stays."""

    first: Annotated[float, Field(ge=0)]
    last: Annotated[float, Field(ge=0)]
    until: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the steps after which it is `last`."""


Coefficient = Annotated[float, Field(ge=0)] | Ramp


class CriticRecipe(Section):
    """PPO's value model, made from the policy's first model with a new head. The paper gives no figures."""

    optimizer: OptimizerRecipe = OptimizerRecipe(learning_rate=1e-5)
    discount: Share = 1.0
    gae_lambda: Share = 0.95
    """Generalised advantage estimation (arXiv 1506.02438, Eq. 16): 1 takes returns as they are, 0 one step of them."""
    clip: Rate = 0.2
    """How far an update may move a value, in units of the reward (PPO's practice)."""


class LoraRecipe(Section):
    """Low-rank adapters (arXiv 2106.09685) on every linear layer but the head, merged into the model in the end."""

    rank: PositiveCount = 16
    alpha: PositiveCount = 32


class RefreshRecipe(Section):
    """What the reward model learns between two iterations (algorithm 1): the policy's graded samples, and old ones."""

    replay: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of historical data among what it learns from."""
    samples: PositiveCount = 8192
    """The newest samples of the iteration that it learns from, at most."""


class ValidationRecipe(Section):
    """Accuracy on held-out questions while the policy learns."""

    questions: QuestionSource
    steps: PositiveCount = 50
    """Between two measurements; one is made at the start and one at the end as well."""
    samples: PositiveCount = 4
    """Completions a question (K of Pass@K and Maj@K)."""
    sampling: SamplingRecipe = SamplingRecipe(temperature=0.7)


class ReinforceRecipe(Section):
    """Reinforcement learning (sections 4 and 5.2): a data source, rewards, and an algorithm that weighs them."""

    preset: Literal["paper", "modern"] = "paper"
    """Defaults of the keys below. `paper`: Eq. 3 exactly. `modern`: rewards centred but not divided by their deviation
    (Dr. GRPO), all tokens of a step weighing the same and the upper clip at 0.28 (DAPO), importance weights truncated
    at 2, no divergence."""
    algorithm: Algorithm = "grpo"
    """Which gradient coefficient samples get (appendix A.1); `dpo_paper` divides by lengths as the paper writes it."""
    data: DataSource | None = None
    """`solutions`: those of the questions' sources. `offline`: samples of the first model. `policy`: samples of the
    live policy. Null: the algorithm's own."""
    questions: list[QuestionSource] = []
    order: Literal["passes", "pass_rate"] = "passes"
    """`passes`: every question once a pass. `pass_rate`: drawn in proportion to 1 - the share of right samples when
    last drawn (Kimi k1.5, arXiv 2501.12599, section 2.3.3)."""
    rewards: Annotated[list[RewardPart], Field(min_length=1)] = [OutcomeModelReward(kind="outcome_model")]
    """Terms of the reward, a weighted sum."""
    supervision: Literal["outcome", "process"] = "outcome"
    """`process`: each step has a reward, and a token counts those of the steps that end after it (section 4.1.3)."""
    group: PositiveCount = 64
    """Completions drawn for each question (G)."""
    questions_per_step: PositiveCount = 16
    """16 questions x 64 completions is the paper's training batch of 1,024."""
    steps: PositiveCount = 1000
    """Explorations, those of all iterations together."""
    updates: PositiveCount = 1
    """Optimiser steps on each exploration (mu)."""
    iterations: PositiveCount = 1
    """Rounds of algorithm 1, equally long; before each but the first the reference becomes the policy, and a reward
    model learns on."""
    refresh: RefreshRecipe = RefreshRecipe()
    lag: Count = 0
    """How many steps the weights that draw may be behind those that learn, so that both work at a time; 0 is
    on-policy."""
    resamples: Count = 0
    """How often at most groups whose rewards are all equal are replaced by groups of other questions (DAPO's dynamic
    sampling)."""
    advantage: Literal["group", "group_centred", "leave_one_out", "batch"] = "group"
    """Of GRPO. `group`: (r - mean)/std in the group. `group_centred`: without the division (Dr. GRPO, arXiv
    2503.20783). `leave_one_out`: less the mean of the others (RLOO, arXiv 2402.14740). `batch`: less the group's mean,
    over the deviation in the whole step (REINFORCE++, arXiv 2501.03262)."""
    advantage_epsilon: Annotated[float, Field(ge=0)] = 1e-6
    """Added to the standard deviation, which is the population's (divided by G)."""
    aggregation: Literal["sequence", "token", "constant"] = "sequence"
    """How tokens become one number. `sequence`: mean in each completion, then over completions (Eq. 3). `token`: mean
    over all tokens of the step (DAPO). `constant`: sum in each completion over the greatest length (Dr. GRPO)."""
    ratio: Literal["token", "sequence"] = "token"
    """Of probabilities. `sequence`: the geometric mean over the completion's tokens (GSPO, arXiv 2507.18071)."""
    surrogate: Literal["clip", "cispo"] = "clip"
    """`clip`: PPO's. `cispo`: the log-probability, weighed by the clipped ratio (MiniMax-M1, arXiv 2506.13585)."""
    clip: Share = 0.2
    """How far the ratio may fall below 1 (epsilon), and rise above it where `clip_high` is null; PPO's usual value."""
    clip_high: Rate | None = None
    """How far it may rise above 1 (DAPO's clip-higher)."""
    importance_cap: Rate | None = None
    """Weigh tokens by their probability under the policy before the update over that under the weights and the engine
    that drew them, at most this (truncated importance sampling); null: do not."""
    kl_coefficient: Coefficient = 0.04
    """Of the divergence from the reference (beta): in GRPO's objective, in PPO's reward, in DPO's sigmoid."""
    entropy_coefficient: Coefficient = 0.0
    """Of the entropy, as a bonus."""
    critic: CriticRecipe = CriticRecipe()
    """Of `ppo`."""
    sampling: SamplingRecipe = SamplingRecipe()
    gap_bound: Rate = 0.05
    """Greatest mean difference, in nats, of the log-probabilities that sampler and trainer give the tokens of an
    on-policy step; above it the job stops, since it would learn from what it did not draw."""
    lora: LoraRecipe | None = None
    """Train adapters instead of all weights; the reference is then the model without them."""
    micro_batch: PositiveCount = 16
    """Completions a rank a forward pass; those of a question share their prompt in it."""
    optimizer: OptimizerRecipe = OptimizerRecipe(learning_rate=1e-6)
    validation: ValidationRecipe | None = None
    checkpoint_steps: PositiveCount = 50
    """Steps between two checkpoints."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        """Fill what is not given with the preset's values."""
        if not isinstance(values, dict) or values.get("preset") not in PRESETS:
            return values
        return {**PRESETS[values["preset"]], **values}

    @property
    def source(self) -> DataSource:
        """Where samples come from."""
        return self.data or DATA_OF[self.algorithm]

    @property
    def samples(self) -> int:
        """Samples of a question: a question has one solution of its own."""
        return 1 if self.source == "solutions" else self.group

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problem := self._data_problem() or self._reward_problem() or self._loop_problem():
            raise ValueError(problem)
        return self

    def _data_problem(self) -> str:
        if (self.source == "solutions") != (self.algorithm == "sft"):
            return (
                f"algorithm {self.algorithm} and data {self.source}: `sft` learns from `solutions`, and only `sft` does"
            )
        if self.source == "solutions":
            return ""
        if self.group < 2 and self.algorithm != "ppo":
            return f"group {self.group}: {self.algorithm} compares completions of a question, so take 2 or more"
        if self.sampling.temperature == 0 and self.group > 1:
            return f"{self.group} completions at temperature 0 are all the same: raise sampling.temperature"
        if self.source == "offline" and (self.lag or self.resamples or self.iterations > 1):
            return "lag, resamples and iterations are of the live policy: take `data: policy`, or leave them out"
        return ""

    def _reward_problem(self) -> str:
        kinds = [part.kind for part in self.rewards]
        if len(set(kinds)) < len(kinds):
            return "two of rewards have one kind"
        if self.supervision == "process":
            if "process_model" not in kinds:
                return "supervision: process needs a process_model among rewards"
            if self.algorithm not in CLIPPED or self.advantage != "group":
                return "supervision: process is defined for ppo and for grpo with `advantage: group`"
        if self.algorithm in PREFERENCES and (self.kl_coefficient == 0 or isinstance(self.kl_coefficient, Ramp)):
            return f"{self.algorithm} needs a kl_coefficient (beta) above 0 that stays the same"
        return ""

    def _loop_problem(self) -> str:
        if self.steps % self.iterations:
            return f"steps {self.steps} must be a multiple of iterations {self.iterations}"
        if self.lora and self.iterations > 1:
            return "iterations with lora: the reference is the model without adapters and cannot become the policy"
        if self.lag >= self.steps // self.iterations:
            return f"lag {self.lag} is no less than the steps of an iteration: lower it"
        return ""
