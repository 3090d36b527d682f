"""An earlier output with the same fingerprint is found and shares its files; otherwise the reason is told."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from mathmill.job_record import RECORD, JobRecord
from mathmill.output import SUCCESS
from mathmill.reuse.fingerprint import Fingerprint
from mathmill.reuse.take_over import FIRST, SAME, Earlier, find_earlier, take_over

WANTED = Fingerprint("score", "c", {"corpus.classifier.address_pages": 5}, {"pages": "a"})


def _output(folder: Path, fingerprint: Fingerprint | None, *, age: int = 0, finished: bool = True) -> Path:
    folder.mkdir(parents=True)
    record = JobRecord("score", "r", "d", {}, {"pages": 3}, 1.0, "run", "1", "now", fingerprint)
    (folder / RECORD).write_text(json.dumps(asdict(record)), encoding="utf-8")
    os.utime(folder / RECORD, (1e9 - age, 1e9 - age))
    if finished:
        (folder / SUCCESS).touch()
    return folder


def test_the_newest_output_with_the_fingerprint_is_found_at_any_place_in_its_run(tmp_path: Path) -> None:
    out = tmp_path / "run-9" / "iteration-1" / "scores"
    _output(tmp_path / "run-1" / "iteration-1" / "scores", WANTED, age=20)
    twin = _output(tmp_path / "run-2" / "iteration-2" / "scores", WANTED, age=10)
    _output(tmp_path / "run-3" / "iteration-1" / "scores", replace(WANTED, code="other"))
    _output(tmp_path / "run-4" / "iteration-1" / "scores", WANTED, finished=False)
    _output(tmp_path / "run-5" / "iteration-1" / "scores.partial", WANTED)
    _output(tmp_path / "run-6" / "iteration-1" / "scores", replace(WANTED, stage="select"))
    assert find_earlier(tmp_path, out, WANTED) == Earlier(twin, SAME)


def test_the_reason_compares_with_the_newest_output_at_the_same_place(tmp_path: Path) -> None:
    out = tmp_path / "run-9" / "iteration-1" / "scores"
    assert find_earlier(tmp_path, out, WANTED) == Earlier(None, FIRST)
    _output(tmp_path / "run-0" / "iteration-1" / "scores", None)
    assert find_earlier(tmp_path, out, WANTED) == Earlier(None, FIRST), "an old record does not say"
    settings = {"corpus.classifier.address_pages": 6}
    _output(tmp_path / "run-1" / "iteration-1" / "scores", replace(WANTED, settings=settings), age=10)
    _output(tmp_path / "run-2" / "iteration-2" / "scores", replace(WANTED, inputs={"pages": "b"}))
    why = "since run-1/iteration-1/scores: corpus.classifier.address_pages is 5, was 6"
    assert find_earlier(tmp_path, out, WANTED) == Earlier(None, why)


def test_files_are_shared_but_not_the_record_of_the_job(tmp_path: Path) -> None:
    twin = _output(tmp_path / "run-1" / "scores", WANTED)
    (twin / "part.parquet").write_text("x", encoding="utf-8")
    (twin / "tables").mkdir()
    (twin / "tables" / RECORD).write_text("a table's own", encoding="utf-8")
    (twin / "latest").symlink_to("part.parquet")
    (twin / "mlflow" / "run").mkdir(parents=True)
    partial = tmp_path / "run-2" / "scores.partial"
    partial.mkdir(parents=True)
    take_over(twin, partial)
    assert sorted(path.name for path in partial.iterdir()) == ["latest", "part.parquet", "tables"]
    assert (partial / "part.parquet").samefile(twin / "part.parquet")
    assert (partial / "tables" / RECORD).read_text(encoding="utf-8") == "a table's own"
    assert (partial / "latest").readlink() == Path("part.parquet")
