"""Which results the leaderboard has, and what its page says of them."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mathmill import home
from mathmill.evaluation.accuracy import Proportion, Score, wilson
from mathmill.evaluation.leaderboard import (
    Entry,
    Evaluation,
    finished_evaluations,
    leaderboard,
    registered_versions,
)
from mathmill.evaluation.leaderboard_page import leaderboard_page
from mathmill.evaluation.promote import promote
from mathmill.evaluation.results import Result, Verification, write_results
from mathmill.recipe_file import load_recipe
from mathmill.tracking.task_run import task_run

PUBLISHED = {("math", "base", "cot"): 0.362, ("math", "rl", "cot"): 0.517, ("math", "rl", "tool"): 0.588}


def score(accuracy, n=100, samples=1):
    return Score(n, samples, accuracy, *wilson(accuracy, n))


def result(role, folder, accuracy, *, task="math", form="cot", n=100, paper=None, samples=1):
    outcomes = dict.fromkeys(("right", "wrong", "missing", "unparsable", "timed_out", "failed"), 0)
    by_paper = None if paper is None else score(paper, n)
    return Result(folder, role, role, task, form, score(accuracy, n, samples), outcomes, cut=0, paper=by_paper)


def evaluation(name, *results):
    return Evaluation(Path(name), f"2026-11-{name}T00:00:00+00:00", results)


def test_the_newest_result_of_model_task_and_form_stands_and_roles_follow_each_other():
    entries = leaderboard(
        [
            evaluation("01", result("rl", "/r1", 0.1), result("base", "/b", 0.2)),
            evaluation("02", result("rl", "/r2", 0.3), result("rl", "/r2", 0.4, form="tool")),
            evaluation("03", result("rl", "/r1", 0.5, paper=0.6), result("instruct", "/i", 0.7, task="gsm8k")),
        ],
        PUBLISHED,
        {("rl", "/r2"): "version 2, champion"},
    )
    shown = [(entry.model, entry.task, entry.form, entry.strict.share, entry.time[:10]) for entry in entries]
    assert shown == [
        ("/b", "math", "cot", 0.2, "2026-11-01"),
        ("/i", "gsm8k", "cot", 0.7, "2026-11-03"),
        ("/r1", "math", "cot", 0.5, "2026-11-03"),
        ("/r2", "math", "cot", 0.3, "2026-11-02"),
        ("/r2", "math", "tool", 0.4, "2026-11-02"),
    ]
    assert [entry.published for entry in entries] == [0.362, None, 0.517, 0.517, 0.588]
    assert [entry.version for entry in entries] == ["", "", "", "version 2, champion", "version 2, champion"]
    assert [entry.paper and entry.paper.share for entry in entries] == [None, None, 0.6, None, None]


def test_answers_sought_under_a_reward_model_are_left_out():
    plain = result("rl", "/r", 0.1)
    sought = replace(plain, score=score(0.9), verification=Verification("/reward", "process"))
    rated = replace(plain, score=score(0.4, samples=8), verification=Verification("/reward", "process"))
    (entry,) = leaderboard([evaluation("01", plain), evaluation("02", sought)], {}, {})
    assert entry.strict.share == 0.1
    (entry,) = leaderboard([evaluation("01", plain), evaluation("02", rated)], {}, {})
    assert (entry.strict.share, entry.samples) == (0.4, 8)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\n", encoding="utf-8")
    return load_recipe(str(path))


def finished(name, results):
    out = home.outputs("tiny", "evaluation") / name
    out.mkdir(parents=True)
    write_results(out, results, [])
    (out / "_SUCCESS").touch()
    return out


def test_evaluations_come_from_the_home_but_not_those_of_other_versions(caplog):
    first = finished("one", [result("base", "/b", 0.2)])
    old = finished("two", [])
    (old / "accuracy.json").write_text('[{"model": "/b", "score": {"n": 1}}]')
    second = finished("three", [result("rl", "/r", 0.3)])
    (home.outputs("tiny", "evaluation") / "four.partial").mkdir()
    found = finished_evaluations("tiny")
    assert [one.folder for one in found] == [first, second]
    assert [one.results[0].role for one in found] == ["base", "rl"]
    assert f"not on the leaderboard: {old / 'accuracy.json'} was written by another version" in caplog.text


def test_registered_models_are_named_by_version(recipe, tmp_path):
    models = [tmp_path / "a", tmp_path / "b"]
    with task_run(recipe, "rl") as run:
        for model in models:
            run.register_model(model, "tiny", "rl", {})
    first, second = (result("rl", str(model), 0.5) for model in models)
    promote(finished("one", [second]), "tiny")
    other = result("base", "/elsewhere", 0.1)
    found = registered_versions("tiny", [evaluation("01", first, other), evaluation("02", second)])
    assert found == {("rl", str(models[0])): "version 1", ("rl", str(models[1])): "version 2, champion"}


class Cells(HTMLParser):
    """The text of every cell of every row of a page, and whether its tags match."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += f"{data} "


def entry(role, folder, accuracy, **other):
    made = Entry(
        model=folder,
        role=role,
        version="",
        task="math",
        form="cot",
        n=100,
        samples=1,
        strict=Proportion.of(accuracy, 100),
        paper=None,
        paper_programs=None,
        published=PUBLISHED.get(("math", role, "cot")),
        evaluation="/evaluation",
        time="2026-11-01",
    )
    return replace(made, **other)


def test_the_page_has_a_row_a_model_and_the_paper_below_each_role():
    entries = [
        entry("base", "/models/one", 0.3),
        entry("rl", "/models/<two>", 0.5, version="version 2, champion", paper=Proportion.of(0.52, 100)),
        entry("rl", "/models/three", 0.4, task="gsm8k", n=50, samples=8),
        entry("rl", "/models/three", 0.6, n=50),
        entry("rl", "/models/three", 0.7, form="tool", paper_programs=Proportion.of(0.6, 100)),
    ]
    page = leaderboard_page("tiny", entries, PUBLISHED)
    cells = Cells(page)
    assert cells.open == []
    rows = [[" ".join(cell.replace("\N{EN DASH}", "-").split()) for cell in row] for row in cells.rows]
    assert rows == [
        ["model", "math n = 50 or 100", "gsm8k n = 50"],
        ["base one", "30.0 21.9-39.6 n = 100", ""],
        ["DeepSeekMath 7B Base the paper", "36.2", ""],
        ["rl version 2, champion <two>", "50.0 40.4-59.6 paper's rules 52.0 (42.3-61.5) n = 100", ""],
        ["rl three", "60.0 50.2-69.1 n = 50", "40.0 30.9-49.8 mean of 8 samples"],
        ["DeepSeekMath 7B RL the paper", "51.7", ""],
        ["model", "math n = 100"],
        ["rl three", "70.0 60.4-78.1 on programs 60.0 (50.2-69.1)"],
        ["DeepSeekMath 7B RL the paper", "58.8"],
    ]
    # The best of a column is marked: 60.0 here, and none where there is but one.
    assert re.findall(r'class=best[^>]*><span class="share">([\d.]+)', page) == ["60.0"]
    assert not re.search(r"(src|href)=|url\(|@import", page)
