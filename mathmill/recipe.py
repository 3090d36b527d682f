"""The typed recipe: every number of a run, in validated records.

The defaults are the figures of DeepSeekMath 7B (arXiv 2402.03300); where the paper is silent the field's
docstring says what was chosen. `mathmill.recipe_file` reads one.
"""

import hashlib
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mathmill.recipe_alerts import AlertsRecipe
from mathmill.recipe_corpus import CorpusRecipe
from mathmill.recipe_promotion import PromotionRecipe
from mathmill.recipe_proofs import ProofRecipe
from mathmill.recipe_questions import QuestionSource, ReasoningGymSource, SolutionFormat
from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.recipe_rollout import RolloutRecipe
from mathmill.recipe_sampling import SamplingRecipe, SearchRecipe
from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.recipe_training import InstructRecipe, OptimizerRecipe, PretrainRecipe
from mathmill.recipe_types import MODE_ALONE, WHOLE, Count, PositiveCount, Rate, Section, Share


class SparkRecipe(Section):
    """Where Spark runs and with what settings."""

    master: str = "local[*]"
    driver_memory: str = "2g"
    conf: dict[str, str] = {}
    """Spark settings passed through untouched."""


class TrainTokenizer(Section):
    """A byte-level BPE trained on the corpus, digits split one by one."""

    vocabulary: Annotated[int, Field(ge=300), WHOLE]


class TokenizerRecipe(Section):
    """The tokenizer: an existing one, or one trained on the corpus."""

    pretrained: str | None = "deepseek-ai/deepseek-coder-7b-base-v1.5"
    train: TrainTokenizer | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.pretrained is None) == (self.train is None):
            raise ValueError("give either `pretrained` or `train`, the other as null")
        return self


class LlamaShape(Section):
    """A LLaMA model made from nothing; the vocabulary is the tokenizer's."""

    hidden_size: PositiveCount
    intermediate_size: PositiveCount
    layers: PositiveCount
    attention_heads: PositiveCount
    key_value_heads: PositiveCount
    tie_embeddings: bool = False
    rope_theta: Rate = 10_000.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.hidden_size % self.attention_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is no multiple of attention_heads {self.attention_heads}")
        if self.attention_heads % self.key_value_heads:
            raise ValueError(
                f"attention_heads {self.attention_heads} is no multiple of key_value_heads {self.key_value_heads}"
            )
        return self


class ModelRecipe(Section):
    """What pretraining starts from: a checkpoint, or a shape with random weights."""

    checkpoint: str | None = "deepseek-ai/deepseek-coder-7b-base-v1.5"
    shape: LlamaShape | None = None
    context: PositiveCount = 4096
    """Tokens in a training sequence."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory for a third more arithmetic."""
    compile: bool = False
    """Compile the layers of pretraining with `torch.compile`: a minute or more at the start, faster steps after it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.checkpoint is None) == (self.shape is None):
            raise ValueError("give either `checkpoint` or `shape`, the other as null")
        return self


class LaunchRecipe(Section):
    """How many processes a DeepSpeed job has."""

    nodes: PositiveCount = 1
    """Machines; more than one need a launcher of a cluster (docs/jobs.md)."""
    processes: PositiveCount = 8
    """Ranks on each machine; one a GPU."""
    threads: PositiveCount = 8
    """CPU threads a rank (OMP_NUM_THREADS)."""

    @property
    def ranks(self) -> int:
        """On all machines."""
        return self.nodes * self.processes


STEP_BY_STEP = "\nPlease reason step by step, and put your final answer within \\boxed{}."


class PromptRecipe(Section):
    """How a question is put to a tuned model, the same in tuning, reward, reinforcement and evaluation."""

    suffix: str = STEP_BY_STEP
    """Follows the question; the paper's, of its evaluation code. While it is this one, another stands in its place for
    Chinese questions and, in tuning, for programs (`mathmill.training.chat`); any other follows every question."""
    shots: Count = 4
    """Solved examples shown to a base model, which was never tuned on the format."""


class LabelledSource(Section):
    """Solutions whose steps others have labelled, in a JSON Lines file."""

    path: str
    layout: Literal["math_shepherd", "prm800k"]
    """How the publisher lays out a line (`mathmill.reward.labelled`)."""
    limit: PositiveCount | None = None
    """Lines read."""


class RewardModelRecipe(Section):
    """The reward model, made from the base model (section 4.2): is a solution right, or each of its steps?

    Labels of steps are made as Math-Shepherd (arXiv 2312.08935) makes them.
    """

    kind: Literal["outcome", "process"] = "outcome"
    """`outcome`: a score at a solution's end. `process`: one at the end of each step. `--kind` overrides it."""
    questions: list[QuestionSource] = []
    samples: PositiveCount = 8
    """Solutions drawn from the instruct model for each question."""
    sampling: SamplingRecipe = SamplingRecipe()
    """Of the solutions, and of the completions of their steps."""
    loss: Literal["pointwise", "pairwise"] = "pointwise"
    """Of the outcome model. `pointwise`: cross-entropy of each verdict. `pairwise`: Bradley-Terry, on right and wrong
    solutions of one question."""
    completions: PositiveCount = 8
    """Completions drawn from the end of each step (N), whose verdicts label it; Math-Shepherd's figure."""
    labels: Literal["hard", "soft"] = "hard"
    """Of a step. `hard`: 1 if any of its completions is right. `soft`: the share of them that is."""
    labelled: list[LabelledSource] = []
    """Published labels of steps that the process model learns from, beside those of `questions` if there are any."""
    held_out: Share = 0.1
    """Share of the questions on which accuracy, AUC and calibration are measured."""
    epochs: PositiveCount = 1
    """Passes over the labelled solutions."""
    batch: PositiveCount = 256
    """Solutions an optimiser step; with the pairwise loss, pairs of them."""
    micro_batch: PositiveCount = 16
    """Of these a rank takes so many in a forward pass."""
    optimizer: OptimizerRecipe = OptimizerRecipe(learning_rate=2e-5)
    checkpoint_steps: PositiveCount = 100
    """Optimiser steps between two checkpoints."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sampling.temperature == 0 and max(self.samples, self.completions) > 1:
            raise ValueError("samples and completions at temperature 0 are all the same: raise sampling.temperature")
        return self


class EvaluationRecipe(Section):
    """Accuracy on held-out questions."""

    tasks: dict[str, QuestionSource] = {}
    prompting: SolutionFormat = "cot"
    """Chain of thought; program of thought (`pot`), whose output is the answer; or programs that are run while the
    model writes (`tool`): `rollout.tool_rounds` of them at most, 1 if that is 0. Programs are run in the sandbox."""
    samples: PositiveCount = 1
    """Completions a question; with one, greedy decoding as in the paper's tables."""
    at: Annotated[list[PositiveCount], Field(min_length=1)] | None = None
    """K of Maj@K and Pass@K, and under a reward model of best-of-K and weighted Maj@K, all estimated from the same
    `samples` completions; null: the powers of 2 up to `samples`, and `samples`. The paper's figure 7 goes up to 64."""
    sampling: SamplingRecipe = SamplingRecipe(temperature=0.0)
    batch: PositiveCount = 64
    """Completions that a process draws at a time."""
    processes: PositiveCount = 1
    """Processes that draw, each with the whole model; with GPUs, one a GPU."""
    search: SearchRecipe | None = None
    """How an answer is sought with `mathmill evaluate --reward`; null: completions are taken as they are drawn."""
    proofs: ProofRecipe | None = None
    """What checks the proofs of `mathmill prove`; null: they are written and not checked."""
    promotion: Annotated[PromotionRecipe, MODE_ALONE] = PromotionRecipe()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.samples > 1 and self.sampling.temperature == 0:
            raise ValueError(f"{self.samples} samples at temperature 0 are all the same: raise sampling.temperature")
        if self.at is not None and max(self.at) > self.samples:
            raise ValueError(f"at asks for K = {max(self.at)} of {self.samples} samples: raise samples to that")
        if self.search is not None and self.samples > 1:
            raise ValueError(
                f"search finds one answer a question, and samples is {self.samples}: leave one of them out"
            )
        if self.search is not None and self.sampling.temperature == 0:
            raise ValueError("search at temperature 0 has nothing to choose from: raise sampling.temperature")
        return self


class Recipe(Section):
    """Everything one run of the chain needs to know."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    """Names the MLflow experiment, the models and the output folders."""
    description: str = ""
    seed: Count = 0
    spark: SparkRecipe = SparkRecipe()
    launch: LaunchRecipe = LaunchRecipe()
    deepspeed: dict[str, Any] = {"zero_optimization": {"stage": 1}, "bf16": {"enabled": "auto"}}
    """DeepSpeed's own configuration, passed through untouched; batch sizes and clipping come from the stages.
    `bf16.enabled: auto` stands for whether the device computes in bf16."""
    corpus: CorpusRecipe = CorpusRecipe()
    tokenizer: TokenizerRecipe = TokenizerRecipe()
    model: ModelRecipe = ModelRecipe()
    pretrain: PretrainRecipe = PretrainRecipe()
    prompt: PromptRecipe = PromptRecipe()
    instruct: InstructRecipe = InstructRecipe()
    reward: RewardModelRecipe = RewardModelRecipe()
    reinforce: ReinforceRecipe = ReinforceRecipe()
    rollout: RolloutRecipe = RolloutRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()
    sandbox: SandboxRecipe = SandboxRecipe()
    alerts: AlertsRecipe = AlertsRecipe()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.model.checkpoint is not None and self.tokenizer.pretrained is None:
            raise ValueError("model.checkpoint comes with its own tokenizer: name it as tokenizer.pretrained")
        _check_multiple(
            "pretrain.batch_tokens",
            self.pretrain.batch_tokens,
            self.model.context * self.pretrain.micro_batch * self.launch.ranks,
            "model.context x pretrain.micro_batch x launch.nodes x launch.processes",
        )
        _check_multiple(
            "instruct.batch",
            self.instruct.batch,
            self.instruct.micro_batch * self.launch.ranks,
            "instruct.micro_batch x launch.nodes x launch.processes",
        )
        _check_multiple(
            "reward.batch",
            self.reward.batch,
            self.reward.micro_batch * self.launch.ranks,
            "reward.micro_batch x launch.nodes x launch.processes",
        )
        _check_multiple(
            "reinforce.questions_per_step",
            self.reinforce.questions_per_step,
            self.launch.ranks,
            "launch.nodes x launch.processes",
        )
        self._check_disjoint_seeds()
        self._check_deepspeed()
        return self

    def _check_deepspeed(self) -> None:
        for name in ("zero_optimization", "bf16"):
            if not isinstance(self.deepspeed.get(name, {}), dict):
                wrong = f"deepspeed.{name} is {self.deepspeed[name]!r}, and DeepSpeed wants a mapping there"
                raise ValueError(wrong)  # noqa: TRY004 - pydantic tells of these
        stage = self.deepspeed.get("zero_optimization", {}).get("stage", 0)
        if self.pretrain.divergence.action == "skip_back" and stage == 3:
            raise ValueError(
                "pretrain.divergence.action: DeepSpeed cannot go back to a checkpoint within a job at ZeRO stage 3:"
                " choose stop, or stage 2"
            )
        if stage == 3 and (self.reinforce.lora or self.reinforce.lag):
            raise ValueError("reinforce.lora and reinforce.lag need the weights whole: choose ZeRO stage 2")
        if self.rollout.engine == "vllm" and (stage == 3 or self.reinforce.lora):
            raise ValueError("rollout.engine vllm takes whole weights: choose ZeRO stage 2 and no reinforce.lora")
        if self.rollout.tool_rounds and stage == 3:
            raise ValueError("rollout.tool_rounds lets ranks draw out of step, and ZeRO stage 3 cannot: choose stage 2")
        owned = {"train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps"}
        if taken := sorted(owned & self.deepspeed.keys()):
            raise ValueError(f"deepspeed.{taken[0]} follows from the batch of each stage: leave it out")

    def _check_disjoint_seeds(self) -> None:
        training = [source.questions for source in self.instruct.sources]
        training += [*self.reward.questions, *self.reinforce.questions]
        drawn = [source for source in training if isinstance(source, ReasoningGymSource)]
        for name, task in self.evaluation.tasks.items():
            shared = [s for s in drawn if isinstance(task, ReasoningGymSource) and _overlap(s, task)]
            if shared:
                raise ValueError(
                    f"evaluation.tasks.{name} draws {shared[0].generator} with seeds that training draws from"
                    f" ({shared[0].seed} to {shared[0].seed + shared[0].size - 1}): give it a seed outside"
                )

    def digest(self) -> str:
        """SHA-256 of the recipe with every default filled in, as 64 hexadecimal digits.

        Without where and on how many processes it runs, so that a job may be resumed on others, and without who is
        told or asked.
        """
        outside: dict[str, Any] = {
            "spark": True,
            "launch": True,
            "evaluation": {"processes", "promotion"},
            "sandbox": {"workers"},
            "alerts": True,
        }
        return hashlib.sha256(self.model_dump_json(exclude=outside).encode()).hexdigest()


def _overlap(one: ReasoningGymSource, other: ReasoningGymSource) -> bool:
    """Whether two sources make a question from one seed: a generator makes its i-th question from `seed + i`."""
    return one.generator == other.generator and one.seed < other.seed + other.size and other.seed < one.seed + one.size


def _check_multiple(name: str, value: int, factor: int, factor_name: str) -> None:
    if value % factor:
        raise ValueError(f"{name} {value} must be a multiple of {factor_name} = {factor}")
