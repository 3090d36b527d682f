"""The annotation page in a real browser: its keys, its speed with five hundred domains, and hostile pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from mathmill.corpus.decisions import read_decisions
from mathmill.home import home
from tests.plugins.browser import chromium, logged_in
from tests.plugins.conftest import Client
from tests.plugins.written_build import FOLDER, write_waiting_build

PAGE = f"corpus/builds/demo/{FOLDER}/annotate/1/"


@pytest.fixture
def page(server: str, client: Client) -> Iterator[Any]:
    """A tab of a browser in which the operator ann is logged in."""
    token = client("ann", "OP").headers["Authorization"].removeprefix("Bearer ")
    with chromium() as browser:
        tab = logged_in(browser, server, token).new_page()
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("dialog", lambda dialog: errors.append(dialog.message))
        yield tab
        assert errors == []


def _ready(page: Any, server: str) -> None:
    page.goto(f"{server}/{PAGE}")
    page.wait_for_selector("#rows .row.focus")


def _decided(page: Any, name: str, kind: str = "domain") -> str:
    text: str = page.locator(f'#rows [data-name="{name}"][data-kind="{kind}"] > :nth-child(7)').inner_text()
    return text


def _press(page: Any, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def test_keys_mark_select_undo_filter_and_survive_a_reload(page: Any, server: str) -> None:
    build = write_waiting_build(home())
    _ready(page, server)
    _press(page, "m")
    assert _decided(page, "site000.example") == "math"
    _press(page, "j x j x n")
    assert [_decided(page, f"site00{number}.example") for number in range(3)] == ["math", "not math", "not math"]
    _press(page, "u")
    assert _decided(page, "site001.example") == "2 undecided"
    _press(page, "k Enter j n")
    assert _decided(page, "site001.example", "prefix") == "not math"
    assert _decided(page, "site001.example/part0", "prefix") == ""
    _press(page, "/ 0 0 2 Escape")
    assert page.locator("#rows .row").count() == 1
    page.wait_for_selector('#saved:text-matches("^saved")')
    page.reload()
    page.wait_for_selector("#rows .row.focus")
    assert _decided(page, "site000.example") == "math"
    assert _decided(page, "site001.example") == "0 math, 1 not"
    kept = {one.url_prefix: one.is_math for one in read_decisions(build.iteration(1).draft)}
    assert kept == {"site000.example": True, "site000.example/part0": True, "site001.example": False}


def test_strange_pages_are_shown_and_run_nothing(page: Any, server: str) -> None:
    write_waiting_build(home())
    _ready(page, server)
    page.wait_for_selector("#reader math")
    assert "<script>alert(1)</script>" in page.inner_text("#reader")
    assert page.locator("#reader script, #reader img, #reader a, #reader [href]").count() == 0
    width = page.locator("#reader math").first.bounding_box()["width"]
    assert width > 20, "the formula takes room on the page"


SLOW_SERVER = """async (module) => {
  const { saver } = await import(module);
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const saved = [];
  const others = window.fetch;
  window.fetch = async (address, options) => {
    if (options?.method !== "PUT") return others(address, options);
    await pause(2000);
    saved.push(...Object.keys(JSON.parse(options.body).changes));
    return new Response(JSON.stringify({ marked: saved.length }));
  };
  const draft = saver("draft", document.createElement("p"));
  draft.put("early", true);
  await pause(600);  // the first is on its way
  draft.put("late", true);
  await pause(600);  // the second waits for it
  await draft.flush();
  return saved;
}"""
"""What is saved when the marks are said to be, by a server that takes two seconds."""


def test_no_mark_is_left_behind_by_a_slow_server(page: Any, server: str) -> None:
    write_waiting_build(home())
    _ready(page, server)
    assert page.evaluate(SLOW_SERVER, f"{server}/corpus/static/draft.js") == ["early", "late"]


LATENCY = """async (key) => {
  const times = [];
  for (let press = 0; press < 20; press += 1) {
    const began = performance.now();
    document.getElementById("rows").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    document.getElementById("rows").getBoundingClientRect();  // lays the page out
    times.push(performance.now() - began);
    await new Promise(requestAnimationFrame);
  }
  return times.sort((a, b) => a - b)[10];
}"""
"""Median milliseconds from a key to a page that shows what it did."""


def test_five_hundred_domains_are_quick(page: Any, server: str) -> None:
    write_waiting_build(home(), domains=500, prefixes=10)
    _ready(page, server)
    shown = page.evaluate("performance.getEntriesByName('rows')[0].startTime")
    _press(page, "a")
    assert "500 selected" in page.inner_text("#count")
    _press(page, "m")
    assert "5000 prefixes math" in page.inner_text("#count")
    found = {"first rows": shown} | {key: page.evaluate(LATENCY, key) for key in ("j", "x", "m", "u")}
    print({name: f"{value:.0f} ms" for name, value in found.items()})
    page.wait_for_selector('#saved:text-matches("^saved")')
    assert shown < 5000
    assert max(found[key] for key in "jxmu") < 100
