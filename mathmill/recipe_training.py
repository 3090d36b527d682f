"""The recipe's sections on pretraining and instruction tuning."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mathmill.recipe_questions import QuestionSource
from mathmill.recipe_types import Count, PositiveCount, Rate, Section, Share


class OptimizerRecipe(Section):
    """AdamW; the betas and decay are the paper's (section 2.2), the clipping DeepSeek LLM's practice."""

    learning_rate: Rate
    """After the warm-up."""
    betas: Annotated[list[Share], Field(min_length=2, max_length=2)] = [0.9, 0.95]
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Not applied to norms and biases."""
    clip: Rate = 1.0
    """Greatest norm of the gradient."""
    schedule: Literal["multi_step", "constant"] = "constant"
    """`multi_step`: x0.316 after 80% of the steps and x0.1 after 90%, after the warm-up."""
    warmup_steps: Count = 0
    """Optimiser steps over which the rate rises linearly."""


class MixtureSource(Section):
    """One named source of pretraining tokens."""

    name: str
    weight: Annotated[float, Field(ge=0)]
    """Share of the training tokens while the source is drawn from; with 0 only its validation loss is measured."""
    span: Annotated[list[Share], Field(min_length=2, max_length=2)] = [0.0, 1.0]
    """From which share of the steps to which it is drawn from: two stages are `[0, 0.7]` and `[0.7, 1]`."""
    path: str | None = None
    """Folder of token shards (`mathmill corpus tokenize`); null stands for the recipe's own corpus."""
    top_tokens: PositiveCount | None = None
    """Only the documents of the highest scores, up to so many tokens (the paper's 40B, 80B, 120B or 160B)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.span[0] >= self.span[1]:
            raise ValueError(f"span {self.span} of mixture source {self.name} is empty")
        return self


class DivergenceRecipe(Section):
    """When a training loss counts as diverged, and what is done about it. Not in the paper."""

    spike: Rate = 2.0
    """A loss that is no number diverges, and one of so many nats above the median of the last `window` losses."""
    window: PositiveCount = 128
    action: Literal["stop", "skip_back"] = "stop"
    """`skip_back`: go on from the newest checkpoint with the sequences that follow those of the spike."""
    skips: PositiveCount = 3
    """How often before the job stops all the same."""


class PretrainRecipe(Section):
    """Continued pretraining (section 2.3)."""

    mixture: Annotated[list[MixtureSource], Field(min_length=1)] = [
        MixtureSource(name="deepseekmath_corpus", weight=0.56),
        MixtureSource(name="algebraic_stack", weight=0.04, path="shards/algebraic_stack"),
        MixtureSource(name="arxiv", weight=0.10, path="shards/arxiv"),
        MixtureSource(name="github_code", weight=0.20, path="shards/github_code"),
        MixtureSource(name="natural_language", weight=0.10, path="shards/natural_language"),
    ]
    total_tokens: PositiveCount = 500_000_000_000
    """Of the whole training, in whole optimiser steps."""
    batch_tokens: PositiveCount = 10_485_760
    """Tokens an optimiser step; the paper's 10M, as 2,560 sequences of 4,096."""
    micro_batch: PositiveCount = 4
    """Sequences a rank a forward pass."""
    attention: Literal["across_documents", "within_documents"] = "across_documents"
    """Whether a token sees the documents before its own in the sequence. The paper does not say."""
    optimizer: OptimizerRecipe = OptimizerRecipe(learning_rate=4.2e-4, schedule="multi_step", warmup_steps=2000)
    divergence: DivergenceRecipe = DivergenceRecipe()
    checkpoint_steps: PositiveCount = 500
    """Optimiser steps between two checkpoints."""
    checkpoints_kept: PositiveCount = 2
    """The newest so many; all go when the model stands."""
    validation_documents: PositiveCount = 256
    """Documents of each source held out for the validation loss."""
    validation_steps: PositiveCount = 500
    """Steps between two measurements of it; it is measured at the start and at the end as well."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for share in sorted({source.span[0] for source in self.mixture} | {source.span[1] for source in self.mixture}):
            total = sum(source.weight for source in self.mixture if source.span[0] <= share < source.span[1])
            if share < 1 and abs(total - 1) > 1e-6:
                where = f" from {share:g} of the steps on" if share else ""
                raise ValueError(f"the weights of mixture add up to {total:g}, not to 1{where}")
        names = [source.name for source in self.mixture]
        if len(set(names)) < len(names):
            raise ValueError("two sources of mixture have one name")
        if self.optimizer.warmup_steps * self.batch_tokens >= self.total_tokens:
            raise ValueError(
                f"optimizer.warmup_steps {self.optimizer.warmup_steps} leaves no step of the"
                f" {self.total_tokens // self.batch_tokens} to train at full rate"
            )
        return self


class SolutionSource(Section):
    """Solved questions for instruction tuning."""

    questions: QuestionSource
    format: Literal["cot", "pot", "tool", "answer"] = "cot"
    """What is learned: the row's `solution`, in one of the paper's three forms, or its boxed answer alone. A row that
    tells its own form counts as that, unless this is `answer`."""


class InstructRecipe(Section):
    """Instruction tuning (section 3): 500 steps of 256 sequences at a constant rate of 5e-5."""

    sources: list[SolutionSource] = []
    loss_on: Literal["answer", "everything"] = "answer"
    """`answer`: what the model writes itself, without the question and without what its programs print. The paper does
    not say."""
    attention: Literal["within_examples", "across_examples"] = "within_examples"
    """`across_examples`: the paper's plain concatenation, in which an example sees those before it in its sequence."""
    steps: PositiveCount = 500
    """Optimiser steps."""
    batch: PositiveCount = 256
    """Packed sequences of the context length an optimiser step."""
    micro_batch: PositiveCount = 4
    """Sequences a rank a forward pass."""
    optimizer: OptimizerRecipe = OptimizerRecipe(learning_rate=5e-5)
    checkpoint_steps: PositiveCount = 100
    """Optimiser steps between two checkpoints."""
