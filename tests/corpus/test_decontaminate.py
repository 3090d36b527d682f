"""What decontamination keeps, removes and reports, by real Spark jobs on small tables."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mathmill.corpus import decontaminate
from mathmill.job_record import JobRecord

GSM8K = [
    {"question": "Tom has 12 red marbles and gives his sister half of them on Monday.", "answer": "12/2=6\n#### 6"},
    {
        "question": "A baker sells 30 rolls each morning and twice as many every evening in town.",
        "answer": "In the evening he sells 30*2 = <<30*2=60>>60 rolls, so on one day he sells 90 rolls.\n#### 90",
    },
    {"question": "The quick brown fox jumps over the lazy dog while the old cat sleeps nearby.", "answer": "#### 1"},
]
CMATH = [
    {"input": "小明有二十五个苹果送给小红十个还剩几个", "golden": "15"},
    {"input": "求最大公约数", "golden": "3"},
]
FILLER = "This page is about gardening and the seasons, and tells how deep to plant each bulb. " * 4
BOILERPLATE = "The quick brown fox jumps over the lazy dog while the old cat"
PAGES = {
    "http://a.example/clean": FILLER,
    "http://a.example/question": f"{FILLER}\n\n*Tom has 12 red marbles, and gives his sister half of them.*\n\nBye.",
    "http://a.example/solution": f"{FILLER}\n\nIn the evening he sells $30 \\times 2 = 60$ rolls, so on one day …",
    "http://a.example/annotated": "In the evening he sells 30*2 = <<30*2=60>>60 rolls, so on",
    "http://a.example/zh": f"{FILLER}\n\n答:求最大公约数。\n\n{FILLER}",
    "http://a.example/almost": f"{FILLER} Tom has 12 red marbles and gives his sister a third of them.",
    **{f"http://b.example/{number}": f"{FILLER} {BOILERPLATE} {number}" for number in range(4)},
}


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    _write_rows(folder / "gsm8k" / "test.jsonl", GSM8K)
    _write_rows(folder / "gsm8k" / "train.jsonl", [{"question": FILLER, "answer": "#### 1"}])
    _write_rows(folder / "cmath" / "dev.jsonl", CMATH)
    (folder / "cmath" / "scores.json").write_text('{"accuracy": 0.5}', encoding="utf-8")
    (folder / "README.md").write_text("What is what.", encoding="utf-8")
    return folder


def _pages(folder: Path, pages: dict[str, str]) -> Path:
    rows = [{"url": url, "text": text, "score": 0.9, "iteration": 1, "note": "x"} for url, text in pages.items()]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "pages.parquet")
    return folder


def _run(pages: Path, benchmarks: Path, out: Path, *more: str, **settings: object) -> None:
    sets = [f"--set=corpus.decontamination.{name}={json.dumps(value)}" for name, value in settings.items()]
    arguments = ["--recipe", "demo", "--pages", str(pages), "--benchmarks", str(benchmarks), "--out", str(out)]
    assert decontaminate.main([*arguments, *sets, *more]) == 0


def _table(folder: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(folder).to_pylist()
    assert len({row["url"] for row in rows}) == len(rows)
    return {row["url"].removeprefix("http://"): row for row in rows}


def test_pages_with_benchmark_text_are_removed_and_said_why(benchmarks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run(_pages(tmp_path / "pages", PAGES), benchmarks, out, common_pages=3)
    kept, removed = _table(out / "kept"), _table(out / "removed")
    assert set(removed) == {"a.example/question", "a.example/solution", "a.example/annotated", "a.example/zh"}
    assert {row["url"] for row in [*kept.values(), *removed.values()]} == set(PAGES)
    assert list(kept["a.example/clean"]) == ["url", "text", "score", "iteration", "token_count"]
    assert kept["a.example/clean"]["text"] == FILLER
    assert kept["a.example/clean"]["token_count"] == len(FILLER.split())
    assert removed["a.example/question"] == {
        "url": "http://a.example/question",
        "benchmark": "gsm8k/test.jsonl",
        "item_id": "0",
        "matched_text": "Tom has 12 red marbles, and gives his sister half",
        "ngram_length": 10,
        "segment": None,
        "text": PAGES["http://a.example/question"],
    }
    assert removed["a.example/solution"]["item_id"] == removed["a.example/annotated"]["item_id"] == "1"
    assert removed["a.example/solution"]["matched_text"].startswith("In the evening he sells $30 \\times 2 = 60$ rolls")
    assert (removed["a.example/zh"]["benchmark"], removed["a.example/zh"]["ngram_length"]) == ("cmath/dev.jsonl", 6)

    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert {row["benchmark"]: row["pages"] for row in report["benchmarks"] if row["pages"]} == {
        "gsm8k/test.jsonl": 3,
        "cmath/dev.jsonl": 1,
    }
    assert {Path(one["file"]).name: one["reason"].split(":")[0] for one in report["left_out"]} == {
        "train.jsonl": "a training split",
        "scores.json": "none of its columns is known to hold a question with its answer",
    }
    assert (report["searched"], report["kept"], report["removed"]) == (10, 6, 4)
    assert report["kept_as_excused"] == 4
    assert report["excused_ngrams"] == {"common": 4, "allowed": 0}
    assert report["ngrams"][0]["pages"] == 4
    assert report["ngrams"][0]["excused"] == "common"
    figures = JobRecord.read(out).figures
    assert (figures["removed"], figures["pages"], figures["pages with gsm8k/test.jsonl"]) == (4, 6, 3)


def test_what_is_common_is_evidence_if_the_recipe_says_so(benchmarks: Path, tmp_path: Path) -> None:
    _run(_pages(tmp_path / "pages", PAGES), benchmarks, tmp_path / "out", common_pages=None)
    assert set(_table(tmp_path / "out" / "kept")) == {"a.example/clean", "a.example/almost"}


def test_the_allow_list_excuses_items_and_texts(benchmarks: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.jsonl"
    _write_rows(allowed, [{"item": "gsm8k/test.jsonl:1"}, {"text": f"{BOILERPLATE} sleeps"}])
    pages = _pages(tmp_path / "pages", PAGES)
    settings: dict[str, object] = {"allow_items": ["cmath/dev.jsonl:1"], "allow_file": str(allowed)}
    _run(pages, benchmarks, tmp_path / "out", common_pages=None, **settings)
    assert set(_table(tmp_path / "out" / "removed")) == {"a.example/question"}
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["kept_as_excused"] == 7


def test_segments_go_and_the_page_stays(benchmarks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run(_pages(tmp_path / "pages", PAGES), benchmarks, out, unit="segment", common_pages=3)
    kept, removed = _table(out / "kept"), _table(out / "removed")
    assert set(kept) == {url.removeprefix("http://") for url in PAGES} - {"a.example/annotated"}
    assert kept["a.example/question"]["text"] == f"{FILLER}\n\nBye."
    assert kept["a.example/question"]["token_count"] == len(FILLER.split()) + 1
    assert removed["a.example/question"]["text"].startswith("*Tom has 12")
    assert removed["a.example/question"]["segment"] == 1
    assert removed["a.example/annotated"]["segment"] is None
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert (report["removed"], report["removed_segments"]) == (4, 3)


def test_a_refresh_reads_new_pages_only_while_the_benchmarks_are_the_same(benchmarks: Path, tmp_path: Path) -> None:
    first = {url: PAGES[url] for url in ("http://a.example/clean", "http://a.example/question", "http://b.example/0")}
    second = {
        "http://a.example/clean": "fetched again " + PAGES["http://a.example/question"],
        "http://a.example/question": PAGES["http://a.example/question"],
        "http://a.example/new": f"{FILLER} new",
        "http://a.example/zh": PAGES["http://a.example/zh"],
        "http://b.example/1": PAGES["http://b.example/1"],
    }
    _run(_pages(tmp_path / "1", first), benchmarks, tmp_path / "out1", common_pages=1)
    assert set(_table(tmp_path / "out1" / "kept")) == {"a.example/clean"}
    new = _pages(tmp_path / "2", second)
    _run(new, benchmarks, tmp_path / "out2", "--previous", str(tmp_path / "out1"), common_pages=1)
    kept, removed = _table(tmp_path / "out2" / "kept"), _table(tmp_path / "out2" / "removed")
    assert set(kept) == {"a.example/clean", "a.example/new", "b.example/1"}
    assert kept["a.example/clean"]["text"] == FILLER
    assert set(removed) == {"a.example/question", "a.example/zh"}
    (part,) = (tmp_path / "out1" / "kept").glob("*.parquet")
    assert (tmp_path / "out2" / "kept" / part.name).samefile(part)
    report = json.loads((tmp_path / "out2" / "report.json").read_text(encoding="utf-8"))
    assert (report["searched"], report["kept"], report["kept_as_excused"]) == (4, 3, 1)

    more = tmp_path / "more"
    _write_rows(more / "test.jsonl", [{"question": FILLER[:80], "answer": "1"}])
    _run(new, more, tmp_path / "out3", "--previous", str(tmp_path / "out1"))
    assert _table(tmp_path / "out3" / "kept") == {}
    assert _table(tmp_path / "out3" / "removed")["a.example/clean"]["text"] == FILLER


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"allow_items": ["gsm8k/test.jsonl:7"]}, "the allow-list names gsm8k/test.jsonl:7"),
        ({"allow_file": "no.jsonl"}, "cannot read no.jsonl"),
    ],
)
def test_mistakes_are_one_line(
    settings: dict[str, object], message: str, benchmarks: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sets = [f"--set=corpus.decontamination.{name}={json.dumps(value)}" for name, value in settings.items()]
    pages = _pages(tmp_path / "pages", {"http://a.example/": "a"})
    arguments = ["--recipe", "demo", "--pages", str(pages), "--benchmarks", str(benchmarks)]
    assert decontaminate.main([*arguments, "--out", str(tmp_path / "out"), *sets]) == 2
    assert message in capfd.readouterr().err
