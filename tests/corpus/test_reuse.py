"""A second build does again only what its changed settings touch, and says of each stage why."""

from pathlib import Path

import pyarrow.parquet as pq

from mathmill.corpus import build
from mathmill.corpus.layout import Build
from mathmill.job_record import JobRecord
from tests.corpus.small_crawl import SmallCrawl


def test_only_what_a_changed_setting_touches_is_done_again(small: SmallCrawl, built: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "first").symlink_to(built)
    arguments = small.arguments(runs / "second", "corpus.decontamination.ngram=12")
    assert build.main([*arguments, "--reuse", str(runs)]) == 0
    first, second = Build(runs / "first"), Build(runs / "second")
    rounds = list(zip(first.finished_iterations(), second.finished_iterations(), strict=True))
    stages = [(first.ingested, second.ingested), (first.unique, second.unique)]
    stages += [(old / name, new / name) for old, new in ((a.root, b.root) for a, b in rounds) for name in _names(new)]
    for old, new in stages:
        record = JobRecord.read(new)
        assert (record.taken_over, record.made_because) == (str(old), ""), new
        assert record.figures == JobRecord.read(old).figures
        assert {file.relative_to(new) for file in new.rglob("*")} == {file.relative_to(old) for file in old.rglob("*")}
    assert len(stages) == 2 + 6 + 4, "the last iteration asks nobody and grows nothing"

    cleaned = JobRecord.read(second.decontaminated)
    assert (cleaned.taken_over, cleaned.made_because) == (
        None,
        "since first/decontaminated: corpus.decontamination.ngram is 12, was 10",
    )
    tokens = JobRecord.read(second.tokens)
    assert tokens.made_because == "since first/tokens: the input corpus is another one"
    assert pq.read_table(second.corpus).num_rows == pq.read_table(first.corpus).num_rows


def test_a_build_takes_nothing_over_unasked(built: Path) -> None:
    made = Build(built)
    for out in (made.ingested, made.unique, made.tokens):
        record = JobRecord.read(out)
        assert (record.taken_over, record.made_because) == (None, "")
        assert record.fingerprint is not None


def _names(iteration: Path) -> list[str]:
    return sorted(path.name for path in iteration.iterdir() if (path / "job.json").is_file())
