"""A stage sees only the keys that it declares, and its fingerprint changes with what it reads and with nothing else."""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mathmill.job_record import RECORD, JobRecord
from mathmill.output import write_text
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.reuse.fingerprint import Fingerprint
from mathmill.reuse.reads import HASHED_BYTES, Reads, state

READS = Reads(("corpus.minhash", "corpus.classifier.dim", "seed"))


def _fingerprint(reads: Reads, *overrides: str, **options: Any) -> Fingerprint:
    return reads.fingerprint("dedup", load_recipe("demo", overrides), argparse.Namespace(), options)


def test_keys_that_are_not_declared_cannot_be_read() -> None:
    recipe = Recipe(name="r")
    shown = READS.shown(recipe)
    assert (shown.corpus.minhash, shown.corpus.classifier.dim, shown.seed) == (recipe.corpus.minhash, 256, 0)
    assert (shown.name, shown.spark) == ("r", recipe.spark)
    with pytest.raises(AttributeError, match="epochs"):
        _ = shown.corpus.classifier.epochs
    with pytest.raises(AttributeError, match="pretrain"):
        _ = shown.pretrain
    assert recipe.corpus.classifier.epochs == 3, "the recipe itself stays whole"


def test_declared_keys_change_it_and_others_do_not() -> None:
    one = _fingerprint(READS)
    assert _fingerprint(READS, "corpus.min_score=0.9", "spark.driver_memory=9g") == one
    assert _fingerprint(READS, "corpus.classifier.epochs=9") == one
    for change in ("corpus.classifier.dim=8", "corpus.minhash.threshold=0.9", "seed=7"):
        assert _fingerprint(READS, change).digest() != one.digest()


def test_options_stand_for_what_lies_at_their_paths(tmp_path: Path) -> None:
    file, copy = tmp_path / "seed.jsonl", tmp_path / "copy.jsonl"
    file.write_text("a", encoding="utf-8")
    copy.write_text("a", encoding="utf-8")
    one = _fingerprint(READS, seed=str(file), iteration=1, previous=None)
    assert _fingerprint(READS, seed=str(copy), iteration=1) == one, "a small file is its content"
    file.write_text("b", encoding="utf-8")
    assert _fingerprint(READS, seed=str(file), iteration=1).differences(one) == "the input seed is another one"
    assert _fingerprint(READS, seed=str(copy), iteration=2) != one


def test_a_list_of_paths_is_its_files(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("a", encoding="utf-8")
    one = _fingerprint(READS, benchmarks=[str(file)])
    file.write_text("b", encoding="utf-8")
    assert _fingerprint(READS, benchmarks=[str(file)]) != one


def test_files_named_in_the_recipe_are_inputs(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.jsonl"
    allowed.write_text("a", encoding="utf-8")
    reads, setting = Reads(("corpus.decontamination",)), f"corpus.decontamination.allow_file={allowed}"
    one = _fingerprint(reads, setting)
    allowed.write_text("b", encoding="utf-8")
    assert _fingerprint(reads, setting).differences(one) == (
        f"the input corpus.decontamination.allow_file {allowed} is another one"
    )


def test_files_that_follow_from_the_input_are_inputs(tmp_path: Path) -> None:
    reads = Reads((), lambda _recipe, _arguments: [str(path) for path in sorted(tmp_path.iterdir())])
    (tmp_path / "1.warc").write_text("a", encoding="utf-8")
    one = _fingerprint(reads)
    (tmp_path / "2.warc").write_text("b", encoding="utf-8")
    assert _fingerprint(reads) != one


def test_logins_are_not_kept() -> None:
    kept = _fingerprint(Reads(("corpus.base",)), seed="s3://key:secret@bucket/pages")
    assert kept.inputs == {"seed": "s3://bucket/pages"}


def test_large_files_and_folders_are_known_by_their_times(tmp_path: Path) -> None:
    large, folder = tmp_path / "large", tmp_path / "folder"
    large.write_bytes(b"x" * (HASHED_BYTES + 1))
    folder.mkdir()
    (folder / "part").write_text("a", encoding="utf-8")
    for path, touched in ((large, large), (folder, folder / "part")):
        before = state(path)
        assert state(path) == before
        os.utime(touched, ns=(1, 1))
        assert state(path) != before


def test_an_output_is_known_by_its_own_fingerprint_and_a_part_by_its_place_there(tmp_path: Path) -> None:
    def output(name: str, fingerprint: Fingerprint | None, finished: str = "now") -> Path:
        record = JobRecord("dedup", "r", "d", {}, {}, 1.0, "run", "1", finished, fingerprint)
        folder = tmp_path / name
        (folder / "pages").mkdir(parents=True)
        write_text(folder / RECORD, json.dumps(asdict(record)))
        return folder

    made = Fingerprint("dedup", "c", {}, {})
    one, same = output("run-1", made), output("run-2", made, "later")
    other = output("run-3", Fingerprint("dedup", "c", {"seed": 2}, {}))
    assert state(one) == state(same) != state(other)
    assert state(one / "pages") == state(same / "pages") != state(one)
    old, again = output("old", None, "then"), output("again", None, "then")
    assert state(old) != state(again), "what does not say is itself only"
