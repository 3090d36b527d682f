"""The corpus that a model learned from, and what decontamination found of benchmarks in it.

From a model to the base model that it was made from (`mathmill.json`), from there to the corpus build whose token
shards have the digest that the base model's record tells, and in that build to the output of `decontaminate`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mathmill.corpus.layout import CONTAMINATION_ITEMS, Build
from mathmill.errors import UserError
from mathmill.evaluation.models import lineage
from mathmill.home import outputs
from mathmill.job_record import RECORD as JOB_RECORD
from mathmill.job_record import JobRecord
from mathmill.recipe import Recipe
from mathmill.training.data import digest
from mathmill.training.model_directory import RECORD, ModelRecord, read_record


@dataclass(frozen=True, slots=True)
class FoundItem:
    """What decontamination says of one item of a benchmark."""

    searched_for: bool
    """False: its texts are too short for an n-gram."""
    pages: int
    """Pages that held some of it, and were removed or cut; of a refreshed corpus, over all its builds."""


@dataclass(frozen=True, slots=True)
class LearnedCorpus:
    """A corpus and what was searched for in it."""

    build: Path
    items: Mapping[str, Mapping[str, FoundItem]]
    """By benchmark and the item's id."""
    reservations: tuple[str, ...]
    """What else the model may have learned from, or what is no longer known of the corpus."""


@dataclass(frozen=True, slots=True)
class UnknownCorpus:
    """Nothing can be told."""

    reason: str


def learned_corpus(model: Path, recipe: Recipe) -> LearnedCorpus | UnknownCorpus:
    """The corpus of the model in the folder `model`; `recipe` is that of the evaluation."""
    if not (model / RECORD).is_file():
        return UnknownCorpus(f"{model} was made elsewhere: it has no {RECORD}")
    base = lineage(model)[0]
    record = read_record(base)
    if record.role != "base":
        return UnknownCorpus(f"{base} was made from {record.parent_model}, of which there is no record here")
    if record.corpus_digest is None:
        return UnknownCorpus(f"{base / RECORD} names no corpus")
    build = next((one for one in _builds(base, record) if _has_shards(one, record.corpus_digest)), None)
    if build is None:
        return UnknownCorpus(f"the corpus that {base} learned from is gone, or has changed")
    outputs_of_build = list(_decontaminations(build.decontaminated))
    if not (build.decontaminated / CONTAMINATION_ITEMS).is_file():
        return UnknownCorpus(
            f"{build.decontaminated} has no {CONTAMINATION_ITEMS}: run `mathmill corpus decontaminate`"
        )
    return LearnedCorpus(
        build=build.root,
        items=_items(outputs_of_build),
        reservations=(*_other_sources(record, recipe), *_gaps(outputs_of_build)),
    )


def _builds(base: Path, record: ModelRecord) -> Iterator[Build]:
    """Where the corpus may be: what pretraining was given, and the builds in the home."""
    if (base / JOB_RECORD).is_file() and (given := JobRecord.read(base).arguments.get("input", "None")) != "None":
        yield Build(Path(given))
    folder = outputs(record.recipe, "corpus")
    yield from (Build(path) for path in sorted(folder.iterdir()) if path.is_dir()) if folder.is_dir() else ()


def _has_shards(build: Build, wanted: str) -> bool:
    try:
        return digest(build.shards) == wanted
    except UserError:  # no shards at all
        return False


def _decontaminations(newest: Path) -> Iterator[Path]:
    """The output of `decontaminate` and those of the builds that it refreshes, the newest first."""
    place: Path | None = newest
    seen: set[Path] = set()
    while place is not None and place not in seen:
        seen.add(place)
        yield place
        record = place / JOB_RECORD
        before = JobRecord.read(place).arguments.get("previous", "None") if record.is_file() else "None"
        place = None if before == "None" else Path(before)


def _items(folders: list[Path]) -> dict[str, dict[str, FoundItem]]:
    """The items of the newest output, each with its pages in all of them."""
    tables = [_rows(folder) for folder in folders if (folder / CONTAMINATION_ITEMS).is_file()]
    items: dict[str, dict[str, FoundItem]] = {}
    for (benchmark, item), (searched_for, _) in tables[0].items():
        pages = sum(table.get((benchmark, item), (False, 0))[1] for table in tables)
        items.setdefault(benchmark, {})[item] = FoundItem(searched_for, pages)
    return items


def _rows(folder: Path) -> dict[tuple[str, str], tuple[bool, int]]:
    import pyarrow.parquet as pq

    names = ("benchmark", "item_id", "searched_for", "pages")
    columns = (pq.read_table(folder / CONTAMINATION_ITEMS, columns=[name]).column(0).to_pylist() for name in names)
    rows: dict[tuple[str, str], tuple[bool, int]] = {}
    for benchmark, item, searched_for, pages in zip(*columns, strict=True):
        # A benchmark may be named twice, by the recipe and by an option.
        rows[benchmark, item] = (searched_for or rows.get((benchmark, item), (False, 0))[0], pages)
    return rows


def _gaps(folders: list[Path]) -> Iterator[str]:
    missing = [folder for folder in folders if not (folder / CONTAMINATION_ITEMS).is_file()]
    if missing:
        yield f"what was found in earlier builds is not known: {missing[0]} is gone or has no {CONTAMINATION_ITEMS}"


def _other_sources(record: ModelRecord, recipe: Recipe) -> Iterator[str]:
    """What the base model may have learned from beside the corpus."""
    if record.parent_model is not None:
        yield f"the base model began as {record.parent_model}, and what that had learned from is not known"
    if record.recipe_digest != recipe.digest():
        yield "the base model was made with another recipe, so that other sources of its mixture are not known"
        return
    others = [one.name for one in recipe.pretrain.mixture if one.path is not None and one.weight]
    if others:
        yield f"the base model also learned from {', '.join(others)}, in which no benchmark was searched for"
