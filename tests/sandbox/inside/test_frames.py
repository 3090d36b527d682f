"""Messages come back as they were sent; what is no message is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.sandbox.inside import frames


@given(st.lists(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False) | st.none())), st.integers(1, 50))
def test_messages_are_taken_whole_and_in_order_however_they_arrive(messages, size):
    sent = b"".join(map(frames.encode, messages))
    buffer, taken = bytearray(), []
    for start in range(0, len(sent), size):
        buffer += sent[start : start + size]
        while (message := frames.take(buffer, 10**6)) is not None:
            taken.append(message)
    assert taken == messages
    assert not buffer


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"\xff\xff\xff\xff", "a frame of 4294967295 bytes"),
        (b"\0\0\0\2[]", "a frame that is no JSON object"),
        (b"\0\0\0\2{]", "Expecting property name"),
        (b"\0\0\0\2\x80\x04", "invalid start byte"),
    ],
)
def test_what_is_no_message_is_refused(sent, error):
    with pytest.raises(ValueError, match=error):
        frames.take(bytearray(sent), 1000)
