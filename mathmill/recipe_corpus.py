"""The corpus section of the recipe: from WARC files to a mathematical corpus (section 2.1 of the paper)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mathmill.recipe_questions import QuestionSource
from mathmill.recipe_types import Count, PositiveCount, Rate, Section, Share

MAX_ITERATIONS = 4
"""Rounds of mining that `corpus_refresh` is laid out for; the paper stopped after four (section 2.1)."""


class MinHashRecipe(Section):
    """Near-duplicate detection. The paper gives no figures; these are FineWeb's: threshold (1/14)^(1/8) = 0.72."""

    ngram: PositiveCount = 5
    bands: PositiveCount = 14
    rows: PositiveCount = 8


class ClassifierRecipe(Section):
    """The fastText classifier that recalls mathematical pages (section 2.1)."""

    positives: PositiveCount = 500_000
    negatives: PositiveCount = 500_000
    dim: PositiveCount = 256
    learning_rate: Rate = 0.1
    word_ngrams: PositiveCount = 3
    min_count: PositiveCount = 3
    epochs: PositiveCount = 3
    buckets: PositiveCount = 2_000_000
    """Hash buckets of the word n-grams. Not in the paper; fastText's default."""
    threads: PositiveCount = 1
    """Training is deterministic with one thread only."""
    held_out: Share = 0.1
    """Share of the labelled pages kept for the model's precision and recall card."""


class AnnotationRecipe(Section):
    """Which URL prefixes of a math-related domain are mathematics, decided by thresholds (mode `auto`)."""

    mode: Literal["auto"] = "auto"
    min_pages: PositiveCount = 5
    """A prefix with fewer pages is left undecided."""
    min_rate: Share = 0.5
    """Collected share of a prefix's pages from which it counts as mathematics."""


class DecontaminationRecipe(Section):
    """Removal of pages that hold benchmark text (section 2.1)."""

    ngram: PositiveCount = 10
    """A page that shares this many words in a row with a benchmark text is removed."""
    min_ngram: PositiveCount = 3
    """A benchmark text of `min_ngram` to `ngram - 1` words is matched whole."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_ngram >= self.ngram:
            raise ValueError(f"min_ngram ({self.min_ngram}) must be smaller than ngram ({self.ngram})")
        return self


class CorpusRecipe(Section):
    """From WARC files to a mathematical corpus (section 2.1)."""

    input: list[str] = []
    """WARC files, globs, `warc.paths.gz` files or crawl ids."""
    files: PositiveCount | None = None
    """Read at most so many WARC files of the input; all by default."""
    seed: str = "open-web-math/open-web-math"
    """The first positive pages: a JSON Lines or Parquet path, or a Hugging Face id, with `url` and `text`."""
    benchmarks: list[QuestionSource] = []
    """Question sets that no page of the corpus may hold."""
    min_characters: Count = 200
    """Pages with less text are rejected as `too_short`."""
    page_bytes: PositiveCount = 16_777_216
    """Pages of more bytes are rejected as `too_large`. Common Crawl cuts off at 1 MiB, since 2025 at 5 MiB."""
    minhash: MinHashRecipe = MinHashRecipe()
    classifier: ClassifierRecipe = ClassifierRecipe()
    iterations: Annotated[int, Field(ge=1, le=MAX_ITERATIONS)] = 4
    tokens: list[PositiveCount] = [40_000_000_000, 89_000_000_000, 120_000_000_000, 120_000_000_000]
    """Tokens kept in each iteration, by rank of score. The paper reports 40B, 89B and, at the end, 120B."""
    min_score: Share = 0.5
    """Pages that the classifier holds for less likely mathematics are not collected, whatever the budget.
    Not in the paper, whose web never runs out before its budget does."""
    converged_share: Share = 0.98
    """Mining stops when so much of an iteration's pages had been collected before."""
    domain_rate: Share = 0.10
    """A domain of which more than this share was collected is math-related."""
    annotation: AnnotationRecipe = AnnotationRecipe()
    decontamination: DecontaminationRecipe = DecontaminationRecipe()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.tokens) < self.iterations:
            raise ValueError(
                f"tokens has {len(self.tokens)} budgets for {self.iterations} iterations: give one an iteration"
            )
        return self
