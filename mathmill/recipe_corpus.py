"""The corpus section of the recipe: from WARC files to a mathematical corpus (section 2.1 of the paper)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mathmill.recipe_questions import QuestionSource
from mathmill.recipe_types import MODE_ALONE, WHOLE, Count, PositiveCount, Rate, Section, Share

MAX_ITERATIONS = 4
"""Rounds of mining that `corpus_refresh` is laid out for; the paper stopped after four (section 2.1)."""


class MinHashRecipe(Section):
    """Near-duplicate detection by MinHash and locality-sensitive hashing. The paper gives no figures.

    Two pages of Jaccard index J meet in a band with probability 1 - (1 - J^rows)^bands: 0.99999 for J = 0.8, 0.997 for
    0.7, 0.64 for 0.5. They are near-duplicates when their signatures' estimate of J, whose standard error is about
    sqrt(J(1 - J) / permutations), reaches the threshold: 99.7% of those with J = 0.8, and 0.9% of those with 0.7.
    """

    ngram: PositiveCount = 5
    """Words of a shingle. A page with fewer words has no near-duplicates, only exact ones."""
    permutations: Annotated[int, Field(ge=16, multiple_of=16), WHOLE] = 512
    """Length of a signature, of which four bits each are kept."""
    bands: PositiveCount = 32
    rows: PositiveCount = 5
    threshold: Share = 0.75
    """Least Jaccard index, as estimated, of a near-duplicate and the page kept for it."""
    containment: Share = 0.95
    """A page is also a near-duplicate of one that differs by a banner: at most twice as long, at most `banner` shingles
    longer, and with this share of the shorter one's shingles. Of short pages a banner makes the Jaccard index small."""
    banner: Count = 40
    """Most shingles that a banner may add; 0 for none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"bands x rows ({self.bands} x {self.rows}) must not exceed permutations ({self.permutations})"
            )
        return self


class ClassifierRecipe(Section):
    """The fastText classifier that recalls mathematical pages (section 2.1)."""

    positives: PositiveCount = 500_000
    """At most so many pages of the seed that it learns from."""
    negatives: PositiveCount = 500_000
    """At most so many other pages that it learns from."""
    negatives_per_positive: Annotated[list[Rate], Field(min_length=1)] = [1.0, 3.0]
    """At most so many negatives for each positive, by iteration; the last number stands for all later ones. In the
    first iteration random pages hold mathematics too; later ones are drawn from what was neither collected nor
    annotated as mathematics. The paper, with 500,000 of each, draws as many negatives as positives."""
    page_words: PositiveCount = 2000
    """Words of a page that the classifier reads, from its beginning. The paper names no limit."""
    dim: PositiveCount = 256
    """Numbers of a word's vector."""
    learning_rate: Rate = 0.1
    """At the start; it falls linearly to 0."""
    word_ngrams: PositiveCount = 3
    min_count: PositiveCount = 3
    subwords: Annotated[list[PositiveCount], Field(min_length=2, max_length=2)] | None = None
    """Shortest and longest of the pieces of words that the classifier learns as well, for example `[3, 5]`. Where few
    pages are labelled, most words of a new site are unknown and their pieces are not. Not in the paper."""
    epochs: PositiveCount = 3
    """Passes over the labelled pages; more where `min_examples` asks for them."""
    min_examples: Count = 60_000
    """fastText sees at least so many pages, by more epochs where few are labelled. At the paper's size the epochs
    decide: a million pages three times over."""
    buckets: PositiveCount = 2_000_000
    """Hash buckets of the word n-grams. Not in the paper; fastText's default."""
    threads: PositiveCount = 1
    """Training is deterministic with one thread only."""
    held_out: Share = 0.1
    """Share of the labelled pages kept for the model's precision and recall card."""
    address_pages: PositiveCount = 5
    """How many pages a domain, a host or a folder must have before its own share of mathematics weighs more in a page's
    score than that of what it stands in (`mathmill.corpus.address_prior`). Not in the paper, which ranks by the
    classifier alone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.subwords and self.subwords[0] > self.subwords[1]:
            raise ValueError(f"subwords {self.subwords} must name the shorter length first")
        return self


class AnnotationRecipe(Section):
    """Which URL prefixes of a math-related domain are mathematics. `annotation: auto` is short for its mode."""

    mode: Literal["auto", "person"] = "auto"
    """Who decides: `auto`, the thresholds below; `person`, somebody on Airflow's page "Corpus", for whom each iteration
    of `corpus_refresh` waits. What a person decided is not asked again."""
    response_timeout: Rate = 168.0
    """Hours to wait for a person's answer; after them the thresholds decide."""
    min_pages: PositiveCount = 5
    """A prefix with fewer pages is left undecided, and nobody is asked about it."""
    min_rate: Share = 0.5
    """Collected share of a prefix's pages from which the thresholds call it mathematics."""


class DecontaminationRecipe(Section):
    """Removal of pages that hold benchmark text (section 2.1)."""

    ngram: PositiveCount = 10
    """A page that shares this many words in a row with a benchmark text is removed."""
    min_ngram: PositiveCount = 3
    """A benchmark text of `min_ngram` to `ngram - 1` words is matched whole."""
    unit: Literal["page", "segment"] = "page"
    """What is removed: the page, or its segments that hold benchmark text. Segments are divided by blank lines. The
    paper speaks of pages as well as of segments."""
    common_pages: PositiveCount | None = 1000
    """Words that stand on more pages than this are a formula or boilerplate and no evidence; null: all are evidence.
    Not in the paper."""
    allow_items: list[str] = []
    """Benchmark items that are no evidence, as `benchmark:item_id` of the table `removed`."""
    allow_texts: list[str] = []
    """Texts of which no part is evidence."""
    allow_file: str | None = None
    """JSON Lines with more of both, each `{"item": "benchmark:item_id"}` or `{"text": "…"}`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_ngram >= self.ngram:
            raise ValueError(f"min_ngram ({self.min_ngram}) must be smaller than ngram ({self.ngram})")
        return self


class IndexRecipe(Section):
    """Records chosen from Common Crawl's columnar index, instead of all records of a crawl's WARC files."""

    languages: list[Annotated[str, Field(pattern="^[a-z]{3}$")]] = []
    """ISO 639-3 codes, for example `eng`, `zho`: pages whose main language is one of them; all by default."""
    mime: list[str] = ["text/html", "application/xhtml+xml"]
    """Detected media types; all if empty."""
    statuses: Annotated[list[Count], Field(min_length=1)] = [200]
    domains: list[str] = []
    """Registered domains or hosts; all by default."""


class CorpusRecipe(Section):
    """From WARC files to a mathematical corpus (section 2.1)."""

    input: list[str] = []
    """WARC or ARC files, globs, lists (`….paths.gz`) or crawl ids (`CC-MAIN-2026-43`, `CC-SUPPLEMENTAL-2026-22`,
    `CC-NEWS-2026-05`)."""
    base: str = "https://data.commoncrawl.org"
    """What the paths in lists and in the index are relative to: an address (`https:`, `s3:`, `file:`) or a folder."""
    index: IndexRecipe | None = None
    """Read only what the columnar index selects; `input` then names crawls, `cc-index-table.paths.gz` lists or
    Parquet files of the index."""
    files: PositiveCount | None = None
    """Read at most so many WARC files of the input; all by default."""
    contact: str | None = None
    """A mail address or web page where the servers' owners find who reads: part of the User-Agent."""
    seed: str = "open-web-math/open-web-math"
    """The first positive pages: a JSON Lines or Parquet path, or a Hugging Face id, with `url` and `text`."""
    benchmarks: list[QuestionSource] = []
    """Question sets that no page of the corpus may hold."""
    min_bytes: Count = 80
    """Pages with less text, which hold hardly more than a title, are rejected as `too_short`; in UTF-8, so that a Han
    character, which says more than a letter, counts as three."""
    page_bytes: PositiveCount = 16_777_216
    """Pages of more bytes are rejected as `too_large`. Common Crawl cuts off at 1 MiB, since 2025 at 5 MiB."""
    page_seconds: Rate = 10.0
    """Pages that take longer are rejected as `timeout`."""
    minhash: MinHashRecipe = MinHashRecipe()
    classifier: ClassifierRecipe = ClassifierRecipe()
    iterations: Annotated[int, Field(ge=1, le=MAX_ITERATIONS)] = 4
    """Rounds of mining; the paper's four, fewer where mining converges."""
    tokens: list[PositiveCount] = [40_000_000_000, 89_000_000_000, 120_000_000_000, 120_000_000_000]
    """Tokens kept in each iteration, by rank of score. The paper reports 40B, 89B and, at the end, 120B."""
    min_score: Share = 0.5
    """Pages that the classifier holds for less likely mathematics are not collected, whatever the budget.
    Not in the paper, whose web never runs out before its budget does."""
    converged_share: Share = 0.98
    """Mining stops when so much of an iteration's pages had been collected before."""
    domain_rate: Share = 0.10
    """A domain of which more than this share was collected is math-related."""
    annotation: Annotated[AnnotationRecipe, MODE_ALONE] = AnnotationRecipe()
    decontamination: DecontaminationRecipe = DecontaminationRecipe()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.tokens) < self.iterations:
            raise ValueError(
                f"tokens has {len(self.tokens)} budgets for {self.iterations} iterations: give one an iteration"
            )
        return self
