"""Pages are decoded by byte order mark, header, declaration and detection, in this order."""
# ruff: noqa: RUF001 -- characters of formulas and of Chinese

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.extraction.encoding import to_utf8

SIMPLIFIED = "数学公式：函数的极限，不等式。" * 3
TRADITIONAL = "數學公式：函數的極限，不等式。" * 3
"""Chinese prose as pages have it."""


def declared(charset: str, text: str, encoding: str) -> bytes:
    """A page that declares `charset`."""
    return f'<html><head><meta charset="{charset}">'.encode() + text.encode(encoding)


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "gb2312", "utf-8"])
def test_simplified_chinese(encoding: str) -> None:
    body = SIMPLIFIED.encode(encoding)
    assert to_utf8(body, encoding).decode() == SIMPLIFIED
    assert to_utf8(declared(encoding, SIMPLIFIED, encoding)).decode().endswith(SIMPLIFIED)
    assert to_utf8(body).decode() == SIMPLIFIED


def test_traditional_chinese() -> None:
    body = TRADITIONAL.encode("big5")
    assert to_utf8(body, "Big5").decode() == TRADITIONAL
    assert to_utf8(declared("big5", TRADITIONAL, "big5")).decode().endswith(TRADITIONAL)
    assert to_utf8(body).decode() == TRADITIONAL


def test_gb2312_pages_hold_characters_of_gb18030() -> None:
    text = "镕€㐀"  # in GBK, in its later version, in GB 18030 only
    assert to_utf8(text.encode("gb18030"), "gb2312").decode() == text


def test_order_of_trust() -> None:
    assert to_utf8(codecs.BOM_UTF8 + "é".encode(), "gbk").decode() == "é"
    assert to_utf8(codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), "gbk").decode() == "é"
    assert to_utf8(declared("big5", SIMPLIFIED, "gbk"), "gbk").decode().endswith(SIMPLIFIED)
    assert to_utf8(declared("windows-1251", "Ряд", "cp1251")).decode().endswith("Ряд")


def test_servers_add_latin_1_to_pages_in_utf_8() -> None:
    assert to_utf8("é".encode(), "ISO-8859-1").decode() == "é"
    assert to_utf8("é".encode("latin-1"), "ISO-8859-1").decode() == "é"


def test_a_declaration_that_cannot_be_is_passed_over() -> None:
    french = "Théorème : une fonction dérivable à droite et à gauche est continue, même où elle n'est pas dérivée."
    assert to_utf8(french.encode("latin-1"), "utf-8").decode() == french
    assert to_utf8(declared("utf-16", "é", "utf-8")).decode().endswith("é")
    assert to_utf8("é".encode(), "no such charset").decode() == "é"


def test_one_bad_byte_costs_one_character() -> None:
    assert to_utf8(SIMPLIFIED.encode() + b"\xe4", "utf-8").decode() == SIMPLIFIED + "\ufffd"
    assert to_utf8(declared("gbk", SIMPLIFIED, "gbk") + b"\xff<p>").decode().endswith(SIMPLIFIED + "\ufffd<p>")


@given(
    st.binary(max_size=300), st.sampled_from([None, "", "utf-8", "gb2312", "big5", "utf-16", "x-user-defined", "\x00"])
)
def test_any_bytes_give_utf_8(body: bytes, charset: str | None) -> None:
    to_utf8(body, charset).decode()
