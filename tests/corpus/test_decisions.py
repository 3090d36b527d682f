"""Decisions as files: what is read, what is refused and how it is said."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mathmill.corpus.decisions import Decision, read_decisions, to_json_lines
from mathmill.errors import UserError

TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_json_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    decisions = [Decision("a.example", True, "ann", TIME), Decision("b.example/π", False, "auto", TIME)]
    assert read_decisions(_file(tmp_path, "a.jsonl", to_json_lines(decisions))) == decisions


def test_a_spreadsheet_s_csv_is_read(tmp_path: Path) -> None:
    text = (
        "\ufeffurl_prefix,is_math,time\r\nhttps://A.example/notes/,TRUE,2026-01-31T13:00:00+01:00\r\nb.example,0,\r\n"
    )
    first, second = read_decisions(_file(tmp_path, "by hand.csv", text))
    assert first == Decision("a.example/notes", True, "by hand.csv", TIME)
    assert (second.url_prefix, second.is_math, second.by_person) == ("b.example", False, True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"url_prefix": "a.example", "is_math": true}\nmaths\n', r"a\.jsonl, line 2: is no JSON"),
        ("a.jsonl", "[]", r"line 1: is no object"),
        ("a.jsonl", '{"url_prefix": "a.example", "is_math": "true"}', r"line 1: is_math is neither true nor false"),
        ("a.jsonl", '{"is_math": true}', r"line 1: has no url_prefix: name one, such as example\.org/algebra"),
        (
            "a.jsonl",
            '{"url_prefix": "a.example/b/c/d", "is_math": true}',
            "'a.example/b/c/d' is not a host with at most 2",
        ),
        ("a.jsonl", '{"url_prefix": "a", "is_math": true, "time": "soon"}', "time 'soon' is none"),
        ("a.csv", "url_prefix,is_math\na.example,perhaps\n", r"a\.csv, line 2: is_math is neither"),
        ("a.csv", "prefix,is_math\na.example,true\n", r"line 2: has no url_prefix"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_decisions(_file(tmp_path, name, text))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl: cannot be read: No such file"):
        read_decisions(tmp_path / "none.jsonl")
