"""The languages of a page, as Common Crawl's index names them: ISO 639-3 codes, at most three, the main one first.

What Common Crawl recorded beside the page is taken; elsewhere CLD2, which Common Crawl uses too, looks at the text.
"""

import json
import re

import pycld2

RECORDED = "languages-cld2"
"""Field of a metadata record."""
LOOKED_AT = 3_000
"""Characters of a text."""
CODE = re.compile("[a-z]{3}")
_NONCHARACTERS = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
REFUSED = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NONCHARACTERS}]")
"""Characters at which CLD2 refuses a text."""
_PAIRS = """
    aa:aar ab:abk af:afr ak:aka am:amh ar:ara as:asm ay:aym az:aze ba:bak be:bel bg:bul bh:bih bi:bis bn:ben
    bo:bod br:bre bs:bos ca:cat ceb:ceb chr:chr co:cos crs:crs cs:ces cy:cym da:dan de:deu dv:div dz:dzo el:ell
    en:eng eo:epo es:spa et:est eu:eus fa:fas fi:fin fj:fij fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg gn:grn
    gu:guj gv:glv ha:hau haw:haw hi:hin hmn:hmn hr:hrv ht:hat hu:hun hy:hye ia:ina id:ind ie:ile ig:ibo ik:ipk
    is:isl it:ita iu:iku iw:heb ja:jpn jw:jav ka:kat kha:kha kk:kaz kl:kal km:khm kn:kan ko:kor ks:kas ku:kur
    ky:kir la:lat lb:ltz lg:lug lif:lif ln:lin lo:lao lt:lit lv:lav mfe:mfe mg:mlg mi:mri mk:mkd ml:mal mn:mon
    mr:mar ms:msa mt:mlt my:mya na:nau ne:nep nl:nld nn:nno no:nor nr:nbl nso:nso ny:nya oc:oci om:orm or:ori
    pa:pan pl:pol ps:pus pt:por qu:que rm:roh rn:run ro:ron ru:rus rw:kin sa:san sco:sco sd:snd sg:sag si:sin
    sk:slk sl:slv sm:smo sn:sna so:som sq:sqi sr:srp ss:ssw st:sot su:sun sv:swe sw:swa syr:syr ta:tam te:tel
    tg:tgk th:tha ti:tir tk:tuk tl:tgl tlh:tlh tn:tsn to:ton tr:tur ts:tso tt:tat ug:uig uk:ukr ur:urd uz:uzb
    ve:ven vi:vie vo:vol war:war wo:wol xh:xho xx-Bugi:bug xx-Goth:got yi:yid yo:yor za:zha zh:zho zh-Hant:zho
    zu:zul
"""
CODES = dict(pair.split(":") for pair in _PAIRS.split())
"""CLD2's codes, which are ISO 639-1 with exceptions, and their ISO 639-3 ones."""


def languages(text: str) -> str:
    """The languages that CLD2 finds, joined by commas; empty where it finds none."""
    beginning = text[:LOOKED_AT]
    try:
        codes = _detected(beginning)
    except (pycld2.error, UnicodeEncodeError):
        codes = _detected(REFUSED.sub(" ", beginning))
    return ",".join(dict.fromkeys(codes))


def _detected(text: str) -> list[str]:
    found = pycld2.detect(text.encode(), isPlainText=True, returnVectors=False)[2]
    return [CODES[code] for _name, code, _percent, _score in found if code in CODES]


def recorded_languages(fields: dict[str, str]) -> str | None:
    """The languages that the fields of a metadata record give to its page; None where they say nothing of them."""
    value = fields.get(RECORDED)
    if value is None:
        return None
    try:
        codes = [language["code-iso-639-3"] for language in json.loads(value)["languages"]]
        return ",".join(codes) if all(CODE.fullmatch(code) for code in codes) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
