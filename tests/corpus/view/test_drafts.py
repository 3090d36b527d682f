"""Two people who mark at the same time lose nothing of each other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mathmill.corpus.decisions import read_decisions
from mathmill.corpus.view.candidates import read_draft
from mathmill.corpus.view.drafts import freeze_draft, save_draft
from tests.plugins.written_build import write_waiting_build


def test_marks_of_many_at_once_are_all_kept(tmp_path: Path) -> None:
    iteration = write_waiting_build(tmp_path, domains=40, prefixes=1).iteration(1)
    with ThreadPoolExecutor(8) as people:
        for number in range(40):
            people.submit(save_draft, iteration, {f"site{number:03}.example": number % 2 == 0}, f"person {number % 4}")
    draft = read_draft(iteration)
    assert [(one.url_prefix, one.is_math, one.annotator) for one in draft] == [
        (f"site{number:03}.example", number % 2 == 0, f"person {number % 4}") for number in range(40)
    ]
    digest, count = freeze_draft(iteration)
    assert (count, read_decisions(iteration.answer(digest))) == (40, draft)
