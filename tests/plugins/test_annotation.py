"""What the annotation page reads, saves and sends."""

import csv
import json
from html import unescape
from pathlib import Path

import pytest

from mathmill.corpus.decisions import read_decisions
from mathmill.corpus.layout import Build
from tests.plugins.conftest import Client
from tests.plugins.written_build import FOLDER

PAGE = f"/corpus/builds/demo/{FOLDER}/annotate/1"


@pytest.mark.parametrize(("role", "decides"), [("VIEWER", "false"), ("USER", "false"), ("OP", "true")])
def test_the_page_knows_who_may_decide(client: Client, waiting: Build, role: str, decides: str) -> None:
    text = unescape(client("someone", role).get(f"{PAGE}/").text)
    assert f'"mayDecide": {decides}' in text


def test_candidates_come_with_what_a_person_needs(client: Client, waiting: Build) -> None:
    domains = client("vic", "VIEWER").get(f"{PAGE}/candidates").json()
    assert [domain["name"] for domain in domains] == ["site000.example", "site001.example", "site002.example"]
    first = domains[0]
    assert (first["pages"], first["collected"], first["bins"]) == (100, 60, [50, *[0] * 8, 50])
    assert [prefix["name"] for prefix in first["prefixes"]] == ["site000.example", "site000.example/part0"]
    assert first["prefixes"][1] == {
        "name": "site000.example/part0",
        "pages": 20,
        "collected": 12,
        "score": 0.8,
        "bins": [10, *[0] * 8, 10],
        "mark": None,
        "earlier": None,
    }


def test_marks_survive_a_reload_with_who_made_them(client: Client, waiting: Build) -> None:
    changes = {"site000.example": True, "site001.example": False, "site002.example": True}
    assert client("ann", "OP").put(f"{PAGE}/draft", json={"changes": changes}).json() == {"marked": 3}
    back = {"site001.example": None}
    assert client("ben", "ADMIN").put(f"{PAGE}/draft", json={"changes": back}).json() == {"marked": 2}
    found = client("vic", "VIEWER").get(f"{PAGE}/candidates").json()
    marks = {prefix["name"]: prefix["mark"] for domain in found for prefix in domain["prefixes"] if prefix["mark"]}
    assert {name: (mark["math"], mark["by"]) for name, mark in marks.items()} == {
        "site000.example": (True, "ann"),
        "site002.example": (True, "ann"),
    }


def test_only_the_iteration_s_own_prefixes_can_be_marked(client: Client, waiting: Build) -> None:
    answer = client("ann", "OP").put(f"{PAGE}/draft", json={"changes": {"../../etc": True}})
    assert answer.status_code == 409
    assert answer.json() == {"detail": "'../../etc' is no prefix of this iteration's candidates"}
    assert client("ann", "OP").put(f"{PAGE}/draft", json={"changes": {"site000.example": "yes"}}).status_code == 422
    assert client("ann", "OP").post(f"{PAGE}/answer", json={}).status_code == 409


def test_an_answer_keeps_what_was_marked_when_it_was_given(client: Client, waiting: Build) -> None:
    ann = client("ann", "OP")
    ann.put(f"{PAGE}/draft", json={"changes": {"site000.example": True}})
    first = ann.post(f"{PAGE}/answer", json={}).json()
    ann.put(f"{PAGE}/draft", json={"changes": {"site001.example": False}})
    second = ann.post(f"{PAGE}/answer", json={}).json()
    assert (first["decisions"], second["decisions"]) == (1, 2)
    kept = read_decisions(waiting.iteration(1).answer(first["digest"]))
    assert [(one.url_prefix, one.is_math, one.annotator) for one in kept] == [("site000.example", True, "ann")]


def test_sample_pages_are_read_in_place_and_do_no_harm(client: Client, waiting: Build) -> None:
    text = client("vic", "VIEWER").get(f"{PAGE}/pages", params={"prefix": "site000.example/part0"}).text
    assert text.count("<article>") == 2
    assert "<msubsup><mo>∑</mo>" in text
    assert "it costs $5 or $6." in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<mfrac>" in text
    for harm in ("<script", "<img", "javascript:"):
        assert harm not in text


def test_decisions_are_exported_as_files_that_can_be_given_back(client: Client, waiting: Build, tmp_path: Path) -> None:
    ann = client("ann", "OP")
    ann.put(f"{PAGE}/draft", json={"changes": {"site000.example": True, "site001.example": False}})
    lines = ann.get(f"{PAGE}/decisions.jsonl")
    table = ann.get(f"{PAGE}/decisions.csv")
    assert [json.loads(line)["is_math"] for line in lines.text.splitlines()] == [True, False]
    assert next(csv.reader(table.text.splitlines())) == ["url_prefix", "is_math", "annotator", "time"]
    files = []
    for name, answer in {"a.jsonl": lines, "a.csv": table}.items():
        assert answer.headers["Content-Disposition"].startswith("attachment")
        files.append(tmp_path / name)
        files[-1].write_bytes(answer.content)
    assert read_decisions(files[0]) == read_decisions(files[1])


def test_what_there_is_not_is_not_found(client: Client, waiting: Build) -> None:
    vic = client("vic", "VIEWER")
    for path in (
        "builds/demo/nothing/",
        "builds/..%2F..%2Fdemo/x/",
        f"builds/demo/{FOLDER}/annotate/2/",
        "static/../app.py",
    ):
        assert vic.get(f"/corpus/{path}").status_code == 404
