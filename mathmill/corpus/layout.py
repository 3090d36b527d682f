"""The folders of one corpus build: the one place that knows their names."""

import json
from dataclasses import dataclass
from pathlib import Path

from mathmill.job_record import JobRecord
from mathmill.output import is_finished
from mathmill.recipe_corpus import MAX_ITERATIONS

CONTAMINATION_REPORT = "report.json"
"""In the output of `decontaminate`: what was found, by benchmark and item."""
CONTAMINATION_ITEMS = "items.parquet"
"""There, too: every item of the benchmarks, whether it could be searched for, and the pages that held some of it."""
HISTOGRAM = "scores.json"
"""In `collected`: pages by score in equal bins of [0, 1], and the lowest score that was kept."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """One round of mining: train the classifier, score, select, count by domain, annotate, grow the seed."""

    root: Path

    @property
    def classifier(self) -> Path:
        """`classifier.bin` and its precision and recall card."""
        return self.root / "classifier"

    @property
    def scores(self) -> Path:
        """Table `scores`."""
        return self.root / "scores"

    @property
    def collected(self) -> Path:
        """Table `collected`."""
        return self.root / "collected"

    @property
    def domains(self) -> Path:
        """Tables `domains/domains` and `domains/prefixes`."""
        return self.root / "domains"

    @property
    def annotations(self) -> Path:
        """Table `annotations`: which URL prefixes are mathematics."""
        return self.root / "annotations"

    @property
    def question(self) -> Path:
        """What a person was asked (`mathmill.corpus.question`)."""
        return self.root / "question.json"

    @property
    def draft(self) -> Path:
        """Decisions that were made and not sent yet, JSON Lines."""
        return self.root / "draft.jsonl"

    def answer(self, digest: str) -> Path:
        """Decisions that were sent, JSON Lines; written once."""
        return self.root / "answers" / f"{digest}.jsonl"

    @property
    def seed(self) -> Path:
        """The seed that the next iteration's classifier learns from."""
        return self.root / "seed"

    def stages(self) -> list[Path]:
        """The outputs in the order in which they are made, whether they are there or not."""
        return [self.classifier, self.scores, self.collected, self.domains, self.annotations, self.seed]


@dataclass(frozen=True, slots=True)
class Build:
    """One corpus build. A refresh is one too: it adds new crawls to what an earlier build kept."""

    root: Path

    @property
    def ingested(self) -> Path:
        """Tables `ingested/pages` and `ingested/rejected`."""
        return self.root / "ingested"

    @property
    def unique(self) -> Path:
        """Tables `unique/pages` and `unique/duplicates`."""
        return self.root / "unique"

    @property
    def decontaminated(self) -> Path:
        """Tables `decontaminated/kept`, which is the corpus, and `decontaminated/removed`."""
        return self.root / "decontaminated"

    @property
    def corpus(self) -> Path:
        """Table `corpus`: the final pages."""
        return self.decontaminated / "kept"

    @property
    def tokens(self) -> Path:
        """Output of the stage `tokenize`: the two below."""
        return self.root / "tokens"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer trained on the corpus, or a copy of the recipe's."""
        return self.tokens / "tokenizer"

    @property
    def shards(self) -> Path:
        """Token shards for pretraining."""
        return self.tokens / "shards"

    @property
    def summary(self) -> Path:
        """Output of the stage `report`."""
        return self.root / "summary"

    @property
    def report(self) -> Path:
        """Counts in and out of every stage, as JSON."""
        return self.root / "report.json"

    def stages(self) -> list[Path]:
        """The outputs in the order in which they are made, whether they are there or not."""
        rounds = [self.iteration(number) for number in range(1, MAX_ITERATIONS + 1)]
        mined = [path for one in rounds for path in one.stages()]
        return [self.ingested, self.unique, *mined, self.decontaminated, self.tokens]

    def iteration(self, number: int) -> Iteration:
        """Iteration `number`, counted from 1."""
        return Iteration(self.root / f"iteration-{number}")

    def finished_iterations(self) -> list[Iteration]:
        """The iterations that collected pages, in order."""
        rounds = [self.iteration(number) for number in range(1, MAX_ITERATIONS + 1)]
        return [one for one in rounds if is_finished(one.collected)]

    def crawls(self) -> dict[str, dict[str, object]]:
        """The crawls that the corpus was mined from, by this build and those that it refreshes.

        By id: `files`, how many were read, and `build`, the folder of the build that read them.
        """
        found: dict[str, dict[str, object]] = json.loads(self.report.read_text(encoding="utf-8")).get("crawls", {})
        return found

    def refreshed(self) -> "Build | None":
        """The build that this one refreshes."""
        unique = JobRecord.read(self.unique).arguments["previous"]
        return None if unique == str(None) else Build(Path(unique).parent)

    def last_classifier(self) -> Path:
        """The classifier of the last iteration."""
        return self.finished_iterations()[-1].classifier

    def last_seed(self) -> str:
        """The seed that the last iteration's classifier learned from, as `--seed` takes it."""
        return JobRecord.read(self.last_classifier()).arguments["seed"]

    def last_annotations(self) -> Path | None:
        """The newest annotations; none when mining ended before any were made."""
        made = [one.annotations for one in self.finished_iterations() if is_finished(one.annotations)]
        return made[-1] if made else None
