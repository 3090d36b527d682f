"""The recipe's question sources: where benchmarks, training questions and evaluation tasks come from."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mathmill.recipe_types import Count, PositiveCount, Section

Layout = Literal[
    "question",
    "gsm8k",
    "math",
    "cmath",
    "agieval",
    "ocw",
    "sat",
    "mmlu",
    "mathqa",
    "svamp",
    "asdiv",
    "mawps",
    "mgsm",
    "olympiadbench",
    "choice_answer",
    "instruction",
    "messages",
    "mathcoder",
    "tora",
    "reft",
]
"""How a publisher lays out a row (`mathmill.questions.layouts`); those from `instruction` on are of solved sets."""

SolutionFormat = Literal["cot", "pot", "tool"]
"""The paper's forms of a solution: chain of thought, program of thought, programs whose output is shown."""


class ReasoningGymSource(Section):
    """Questions made by a generator of the reasoning-gym package."""

    kind: Literal["reasoning_gym"]
    generator: str
    """The generator's name, for example `chain_sum`."""
    size: PositiveCount
    seed: Count
    config: dict[str, Any] = {}
    """The generator's own settings."""


class HuggingFaceSource(Section):
    """Questions loaded with `datasets.load_dataset`."""

    kind: Literal["huggingface"]
    id: str
    """Hub id, for example `openai/gsm8k`."""
    subset: str | None = None
    split: str = "test"
    layout: Layout
    """How the publisher lays out a row; `question` is mathmill's own layout."""
    limit: PositiveCount | None = None


class FileSource(Section):
    """Questions in a file."""

    kind: Literal["file"]
    path: str
    """JSON Lines, JSON, CSV, TSV, Parquet or XML, told by the name's ending."""
    layout: Layout = "question"
    limit: PositiveCount | None = None


class TaskSource(Section):
    """The questions of a task file, which says as well how they are asked and judged."""

    kind: Literal["task"]
    task: str
    """Name of a file in `tasks/`, or a path that ends in `.yaml`."""
    data: str | None = None
    """Folder of published question sets, in which the task's `file` lies; null: the task's own source."""
    limit: PositiveCount | None = None
    """Questions taken, the first ones."""


QuestionSource = Annotated[
    ReasoningGymSource | HuggingFaceSource | FileSource | TaskSource, Field(discriminator="kind")
]
