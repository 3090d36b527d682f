"""Messages between a sandbox and its supervisor: a JSON object after its length in four bytes, never a pickle."""

import json
import os
import struct
from typing import Any

LENGTH = struct.Struct("!I")


def encode(message: dict[str, Any]) -> bytes:
    """The frame that carries a message."""
    body = json.dumps(message).encode()
    return LENGTH.pack(len(body)) + body


def send(descriptor: int, message: dict[str, Any]) -> None:
    """Send a message, however long it takes."""
    left = memoryview(encode(message))
    while left:
        left = left[os.write(descriptor, left) :]


def receive(descriptor: int) -> dict[str, Any] | None:
    """The next message, however long it takes; None if the other side has hung up."""
    head = _receive_exactly(descriptor, LENGTH.size)
    if head is None:
        return None
    body = _receive_exactly(descriptor, LENGTH.unpack(head)[0])
    return None if body is None else dict(json.loads(body))


def take(buffer: bytearray, longest: int) -> dict[str, Any] | None:
    """Take a message off the front of what was received; None if it is not whole yet.

    Raises:
        ValueError: it is longer than `longest` bytes, or no JSON object.
    """
    if len(buffer) < LENGTH.size:
        return None
    length = LENGTH.unpack(buffer[: LENGTH.size])[0]
    if length > longest:
        raise ValueError(f"a frame of {length} bytes")
    end = LENGTH.size + length
    if len(buffer) < end:
        return None
    message = json.loads(bytes(buffer[LENGTH.size : end]))
    del buffer[:end]
    if not isinstance(message, dict):
        raise ValueError("a frame that is no JSON object")  # noqa: TRY004 - of a kind with the other
    return message


def _receive_exactly(descriptor: int, count: int) -> bytes | None:
    received = bytearray()
    while len(received) < count:
        part = os.read(descriptor, count - len(received))
        if not part:
            return None
        received += part
    return bytes(received)
