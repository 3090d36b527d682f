"""Who may see and who may decide, on every route that there is."""

import runpy

import pytest
from starlette.routing import Route

from mathmill.corpus.layout import Build
from mathmill.home import CHECKOUT
from tests.plugins.conftest import Client
from tests.plugins.written_build import FOLDER, RUN_ID, close_build

BUILD = f"/corpus/builds/demo/{FOLDER}"
PAGES = [
    "/corpus/",
    "/corpus/static/annotate.js",
    f"/corpus/runs/corpus_refresh/{RUN_ID}",
    f"{BUILD}/",
    f"{BUILD}/removed",
    f"{BUILD}/sample",
    f"{BUILD}/compare",
    f"{BUILD}/annotate/1/",
    f"{BUILD}/annotate/1/candidates",
    f"{BUILD}/annotate/1/pages?prefix=site000.example",
    f"{BUILD}/annotate/1/decisions.jsonl",
]
DECISIONS = [("PUT", f"{BUILD}/annotate/1/draft"), ("POST", f"{BUILD}/annotate/1/answer")]
MARKS = {"changes": {"site000.example": True}}


@pytest.fixture(autouse=True)
def _closed(waiting: Build) -> None:
    close_build(waiting, {"http://site000.example/1": 9})


def test_the_lists_here_name_every_route(client: Client) -> None:
    client()
    from corpus_pages.app import app

    known = {*PAGES, *(path for _, path in DECISIONS)}
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) == len(known)
    for route in routes:
        assert any(route.path_regex.match(path.removeprefix("/corpus").split("?")[0]) for path in known), route.path


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_whoever_may_see_the_dag_s_runs(client: Client, path: str) -> None:
    assert client().get(path).status_code == 401
    assert client("vic", "VIEWER").get(path).status_code == 200


@pytest.mark.parametrize(("method", "path"), DECISIONS)
def test_operators_decide_and_nobody_below(client: Client, waiting: Build, method: str, path: str) -> None:
    assert client().request(method, path, json=MARKS).status_code == 401
    assert client("vic", "VIEWER").request(method, path, json=MARKS).status_code == 403
    assert client("uma", "USER").request(method, path, json=MARKS).status_code == 403
    assert not waiting.iteration(1).draft.exists()
    assert client("ann", "OP").put(DECISIONS[0][1], json=MARKS).status_code == 200
    assert client("ann", "OP").request(method, path, json=MARKS).status_code == 200


@pytest.mark.parametrize(("method", "path"), DECISIONS)
def test_another_site_cannot_make_a_browser_decide(client: Client, waiting: Build, method: str, path: str) -> None:
    for site in ("cross-site", "same-site"):
        answer = client("ann", "OP").request(method, path, json=MARKS, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
    form = {"Content-Type": "text/plain", "Sec-Fetch-Site": "same-origin"}
    assert client("ann", "OP").put(DECISIONS[0][1], content='{"changes": {}}', headers=form).status_code == 422
    assert not waiting.iteration(1).draft.exists()


@pytest.mark.parametrize("path", PAGES)
def test_no_answer_lets_a_strange_script_run(client: Client, path: str) -> None:
    answer = client("vic", "VIEWER").get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_pages_work_below_a_prefix(client: Client) -> None:
    text = client("vic", "VIEWER", root_path="/air").get(f"/air{BUILD}/annotate/1/").text
    assert 'href="/air/corpus/static/corpus.css"' in text
    assert 'data-root="/air/corpus"' in text
    assert '="/corpus/' not in text


def test_airflow_links_to_the_pages_below_its_own_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://mill.example/air/")
    plugin = runpy.run_path(str(CHECKOUT / "plugins" / "corpus.py"))["CorpusPlugin"]
    assert {(view["destination"], view["href"]) for view in plugin.external_views} == {
        ("nav", "/air/corpus/"),
        ("dag_run", "/air/corpus/runs/{DAG_ID}/{RUN_ID}"),
    }
