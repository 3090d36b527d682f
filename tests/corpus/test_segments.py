"""A page without the paragraphs that hold something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.segments import Segment, without_segments


@pytest.mark.parametrize(
    ("find", "rest", "segments"),
    [
        ("b", "A first.\n\nC third.", [Segment(1, "Line b.\nMore.", 0)]),
        ("first", "Line b.\nMore.\n \nC third.", [Segment(0, "A first.", 0)]),
        ("third", "A first.\n\nLine b.\nMore.", [Segment(2, "C third.", 0)]),
        ("More.\n \nC", "A first.", [Segment(1, "Line b.\nMore.", 0), Segment(2, "C third.", 0)]),
    ],
)
def test_segments_are_divided_by_blank_lines(find: str, rest: str, segments: list[Segment]) -> None:
    page = "A first.\n\nLine b.\nMore.\n \nC third."
    start = page.index(find)
    assert without_segments(page, [(start, start + len(find))]) == (rest, segments)


def test_a_segment_names_the_first_of_its_finds() -> None:
    rest, segments = without_segments("one two\n\nthree", [(0, 3), (4, 7), (4, 14)])
    assert (rest, [(one.number, one.find) for one in segments]) == ("", [(0, 0), (1, 2)])


@given(st.text("ab \n\t", min_size=1), st.data())
def test_every_word_is_in_the_rest_or_in_a_segment(page: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(page) - 1))
    end = data.draw(st.integers(start + 1, len(page)))
    rest, segments = without_segments(page, [(start, end)])
    assert sorted(" ".join([rest, *(one.text for one in segments)]).split()) == sorted(page.split())
    assert "".join(page[start:end].split()) in "".join("".join(one.text.split()) for one in segments)
