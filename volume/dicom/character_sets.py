"""Texts of a file in the letters their writer meant, and what they were written in.

A text is read as the file declares it (Specific Character Set: PS3.3 C.12.1.1.2, PS3.5 6.1)
wherever that is possible; such a text is never touched. Where it is not, a few other ways of
writing are tried, the ones that are met in hospitals: Korean in EUC-KR or CP949 without
escape sequences or without any declaration, UTF-8 under another name, or the other way round.
One of them is taken only where the bytes fit it and read like a language; what fits nothing
keeps its bytes, written out as `\\xNN`.

Declared as Latin (ISO_IR 100) any bytes can be read, and Korean ones look like "È«±æµ¿".
`is_korean` and `may_be_latin` hold the two apart.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from volume.dicom.reading import Reading, is_plain, stripped
from volume.findings import Finding, warning

LATIN, KOREAN, UTF_8, ASCII = 100, 149, 192, 6
"""Registration numbers (ISO-IR) of sets that are met again below."""
SINGLE_BYTE = {
    100: "latin_1", 101: "iso8859_2", 109: "iso8859_3", 110: "iso8859_4", 144: "iso8859_5",
    127: "iso8859_6", 126: "iso8859_7", 138: "iso8859_8", 148: "iso8859_9", 203: "iso8859_15",
    13: "shift_jis", 166: "iso8859_11",
}  # fmt: skip
"""Sets of one byte a letter (PS3.3 tables C.12-2 and C.12-3): their codec for bytes above 127."""
MULTI_BYTE = {87: "euc_jp", 159: "euc_jp", 149: "euc_kr", 58: "gb2312"}
"""Sets of two bytes a letter that are switched to by an escape sequence (table C.12-4)."""
WHOLE = {192: "utf_8", 18030: "gb18030", 936: "gbk"}
"""Sets without escape sequences (table C.12-5); GB18030 and GBK under numbers of our own."""
ESCAPES = {
    b"(B": 6, b"(J": 6, b")I": 13, b"-A": 100, b"-B": 101, b"-C": 109, b"-D": 110, b"-L": 144,
    b"-G": 127, b"-F": 126, b"-H": 138, b"-M": 148, b"-b": 203, b"-T": 166, b"$B": 87,
    b"$(D": 159, b"$)C": 149, b"$)A": 58,
}  # fmt: skip
"""What stands behind an escape character, and the set that it switches to."""
ESCAPE = re.compile(rb"\x1b(" + b"|".join(map(re.escape, ESCAPES)) + rb")")
JAPANESE = frozenset({13, 87, 159})

SPELLINGS = {
    "KSX1001": 149, "KSC5601": 149, "KSC56011987": 149, "EUCKR": 149, "CP949": 149, "MS949": 149,
    "WINDOWS949": 149, "UHC": 149, "UTF8": 192, "GB18030": 18030, "GBK": 936, "GB2312": 58,
    "ISO88591": 100, "LATIN1": 100, "ASCII": 6, "USASCII": 6, "SHIFTJIS": 13, "SJIS": 13,
}  # fmt: skip
"""Names that are none of the standard's, but GB18030 and GBK, without what joins their parts."""
REGISTERED = re.compile(r"(?:ISO)?(?:2022)?IR(\d{1,3})")

DELIMITERS, NAME_DELIMITERS = rb"[\r\n\t\f\\]", rb"[\r\n\t\f\\^=]"
"""Behind these a text is in its first character set again (PS3.5 6.1.2.5.3, 6.2.1.2)."""


def read_text(raw: bytes, terms: Sequence[str] = (), *, person: bool = False) -> Reading:
    """Read a text whose data set declares `terms`; `person` where it is a name (VR PN)."""
    if is_plain(raw):
        return Reading(stripped(raw.decode("ascii")))
    declared = _Declared.of(terms)
    text = declared.decode(raw, person)
    doubtful = declared.first == LATIN and not declared.misspelt and b"\x1b" not in raw
    if text is not None and not (doubtful and _is_rather_another(raw)):
        return Reading(stripped(text), *declared.misspelling)
    for written, found in _others(raw, declared, person):
        return Reading(stripped(found), written, declared.said)
    if text is not None:
        return Reading(stripped(text), *declared.misspelling)
    return Reading(stripped(declared.escaped(raw, person)), UNREADABLE, declared.said)


UNREADABLE = "none that is known"


def charset_repaired(keyword: str, reading: Reading, name: str) -> Finding:
    """Say that a text is not written as its file declares; the text itself stays unsaid."""
    declared = f"declared as {reading.declared}" if reading.declared else "no set is declared"
    if reading.written == UNREADABLE:
        text = f"{keyword} cannot be read ({declared}): its bytes are shown"
    else:
        text = f"{keyword} was written in {reading.written}, but {declared}"
    return warning("charset-repaired", text, files=(name,))


# What is declared


@dataclass(frozen=True, slots=True)
class _Declared:
    """The sets that a file declares, by their registration numbers."""

    first: int
    """What a text begins in; ASCII where nothing is said."""
    others: frozenset[int]
    """Sets to switch to by escape sequences."""
    said: str
    """The terms, for people; those that mean nothing may hold anything and stay unsaid."""
    misspelt: bool
    """Whether a term is none of the standard's."""

    @classmethod
    def of(cls, terms: Sequence[str]) -> _Declared:
        numbers = [_number(term) for term in terms]
        first = (numbers and numbers[0]) or ASCII
        others = frozenset(filter(None, numbers[1:])) | ({first} if first in MULTI_BYTE else set())
        pairs = list(zip(terms, numbers, strict=True))
        said = "\\".join(
            term if number or not term else "an unknown term" for term, number in pairs
        )
        misspelt = any(number and not _is_standard(term) for term, number in pairs)
        if misspelt:
            said += ", no term of the standard"
        return cls(first, others, said, misspelt)

    @property
    def misspelling(self) -> tuple[str, str]:
        """What `Reading` says of a text that can be read under a term that is none."""
        if not self.misspelt:
            return "", ""
        names = [SET_NAMES.get(n, f"ISO_IR {n}") for n in (self.first, *sorted(self.others))]
        return " and ".join(dict.fromkeys(names)), self.said

    def decode(self, raw: bytes, person: bool) -> str | None:
        """Read a text as the standard says; None where that cannot be."""
        try:
            if self.first in WHOLE:
                return _decode(WHOLE[self.first], raw)
            if self.misspelt and KOREAN in self.others and b"\x1b" not in raw:
                return None
            return _switched(raw, self.first, self.others | {self.first, ASCII}, person, "strict")
        except ValueError:
            return None

    def escaped(self, raw: bytes, person: bool) -> str:
        """Read what can be read as declared, and write the other bytes out."""
        if self.first in WHOLE:
            text = raw.decode(WHOLE[self.first], "backslashreplace")
            is_damaged = sum(not c.isascii() for c in text) > text.count(r"\x")
            return text if is_damaged else raw.decode("ascii", "backslashreplace")
        allowed = self.others | {self.first, ASCII}
        return _switched(raw, self.first, allowed, person, "backslashreplace")


SET_NAMES = {
    149: "EUC-KR", 192: "UTF-8", 18030: "GB18030", 936: "GBK", 58: "GB 2312", 6: "ASCII",
    100: "Latin 1 (ISO_IR 100)",
}  # fmt: skip


def _number(term: str) -> int | None:
    """Give the registration number that a term means, however it is spelled."""
    key = re.sub("[^0-9A-Z]", "", term.upper())
    registered = REGISTERED.fullmatch(key)
    number = int(registered[1]) if registered else SPELLINGS.get(key)
    known = number in SINGLE_BYTE or number in MULTI_BYTE or number in WHOLE or number == ASCII
    return number if known else None


def _is_standard(term: str) -> bool:
    """Say whether a term is one of PS3.3 tables C.12-2 to C.12-5."""
    if term in ("GB18030", "GBK"):
        return True
    number = _number(term)
    single = number in (UTF_8, ASCII) or number in SINGLE_BYTE
    extended = number == ASCII or number in SINGLE_BYTE or number in MULTI_BYTE
    return (single and term == f"ISO_IR {number}") or (extended and term == f"ISO 2022 IR {number}")


# Escape sequences (ISO 2022, PS3.5 6.1.2.5)


def _switched(raw: bytes, first: int, allowed: frozenset[int], person: bool, errors: str) -> str:
    """Read a text that switches between sets. Raises `ValueError` where it is none."""
    delimiter = re.compile(NAME_DELIMITERS if person else DELIMITERS)
    home = (ASCII, first if first in SINGLE_BYTE else ASCII)
    low, high = home
    text, pos = [], 0
    for match in [*ESCAPE.finditer(raw), None]:
        stop = match.start() if match else len(raw)
        while pos < stop:
            if low != ASCII:
                shown, pos = _pairs(raw, pos, stop, low, errors)
                ends = pos < stop
            else:
                edge = delimiter.search(raw, pos, stop)
                end = edge.end() if edge else stop
                shown, pos = _run(raw[pos:end], high, errors), end
                ends = edge is not None
            text.append(shown)
            if ends:
                low, high = home
        if match:
            number, pos = ESCAPES[match[1]], match.end()
            if number not in allowed and errors == "strict":
                raise ValueError("an escape sequence that is not declared")
            if b"(" in match[1] or match[1] == b"$B":
                low = number
            else:
                high = number
    return "".join(text)


def _run(part: bytes, high: int, errors: str) -> str:
    """Read bytes of which those below 128 are ASCII and the others of the set `high`."""
    codec = SINGLE_BYTE.get(high) or MULTI_BYTE.get(high) or "ascii"
    text = []
    for run in re.findall(rb"[\x00-\x7f]+|[\x80-\xff]+", part):
        if high in SINGLE_BYTE and not run.isascii():
            text.append(_letters(run, high, codec, errors))
        else:
            text.append(run.decode("ascii" if run.isascii() else codec, errors))
    return "".join(text)


def _letters(run: bytes, high: int, codec: str, errors: str) -> str:
    """Read letters of one byte each: the codecs let control characters pass as such."""
    outside = rb"[\x80-\xa0\xe0-\xff]" if high == 13 else rb"[\x80-\x9f]"
    parts = re.split(rb"(" + outside + rb"+)", run)
    return "".join(
        part.decode("ascii" if n % 2 else codec, errors) for n, part in enumerate(parts) if part
    )


def _pairs(raw: bytes, pos: int, stop: int, low: int, errors: str) -> tuple[str, int]:
    """Read two-byte letters that are written in bytes below 128; say where they end."""
    pairs = PAIRS.match(raw, pos, stop)
    end = pairs.end() if pairs else pos
    text = "".join(
        " " if two == b" " else _pair(two, low, errors) for two in PAIR.findall(raw, pos, end)
    )
    if end < stop and raw[end] > 0x1F:
        if errors == "strict":
            raise ValueError("half a letter")
        return text + raw[end : end + 1].decode("ascii", errors), end + 1
    return text, end


PAIR, PAIRS = re.compile(rb"\x20|[\x21-\x7e]{2}"), re.compile(rb"(?:\x20|[\x21-\x7e]{2})*")
"""One and all letters of two bytes below 128; spaces may stand between them."""


def _pair(two: bytes, low: int, errors: str) -> str:
    raised = bytes(byte | 0x80 for byte in two)
    return (b"\x8f" + raised if low == 159 else raised).decode(MULTI_BYTE[low], errors)


# What is met in hospitals


def _others(raw: bytes, declared: _Declared, person: bool) -> Iterator[tuple[str, str]]:
    """Give other ways of reading a text, the best first: what it is written in, and the text."""
    if b"\x1b" in raw:
        yield from _undeclared_escapes(raw, declared, person)
    if raw.isascii():
        return
    utf_8 = None if declared.first == UTF_8 else _decode("utf_8", raw)
    korean = _korean(raw)
    expected = KOREAN in (declared.first, *declared.others)
    accepted = korean is not None and (expected or is_korean(raw, korean))
    if utf_8 is not None and reads_well(utf_8, raw) and not (accepted and _is_accident(utf_8, raw)):
        yield "UTF-8", utf_8
    if accepted and korean is not None:
        name = "EUC-KR" if _decode("euc_kr", _unescaped(raw)) is not None else "CP949"
        known = expected and not declared.misspelt and b"\x1b" not in raw
        yield f"{name} without escape sequences" if known else name, korean
    if declared.first in JAPANESE or declared.others & JAPANESE:
        for name, codec in (("Shift-JIS", "cp932"), ("EUC-JP", "euc_jp")):
            if (text := _decode(codec, raw)) is not None:
                yield name, text
    if 58 in (declared.first, *declared.others) and (text := _decode("gb18030", raw)) is not None:
        yield "GB18030 without escape sequences", text
    if declared.first in (ASCII, UTF_8) and not declared.others and may_be_latin(raw):
        yield "Latin 1 (ISO_IR 100)", raw.decode("latin_1")


def _undeclared_escapes(raw: bytes, declared: _Declared, person: bool) -> Iterator[tuple[str, str]]:
    """Read a text whose escape sequences the file does not declare."""
    first = declared.first if declared.first in SINGLE_BYTE else ASCII
    used = {ESCAPES[match[1]] for match in ESCAPE.finditer(raw)} - {ASCII}
    try:
        text = _switched(raw, first, frozenset({*used, first, ASCII}), person, "strict")
    except ValueError:
        return
    yield " and ".join(f"ISO 2022 IR {number}" for number in sorted(used)) or "ASCII", text


def _unescaped(raw: bytes) -> bytes:
    """Leave out the escape sequences to and from Korean."""
    return raw.replace(b"\x1b$)C", b"").replace(b"\x1b(B", b"")


def _korean(raw: bytes) -> str | None:
    """Read EUC-KR (KS X 1001, with its syllables of eight bytes) or its superset CP949."""
    plain = _unescaped(raw)
    if b"\x1b" in plain:
        return None
    strict = _decode("euc_kr", plain)
    return _decode("cp949", plain) if strict is None else strict


def _decode(codec: str, raw: bytes) -> str | None:
    """Decode a text strictly, but for a last letter that was cut in two by a limit of length."""
    decoder = codecs.getincrementaldecoder(codec)("strict")
    try:
        text = decoder.decode(raw)
    except UnicodeDecodeError:
        return None
    left = decoder.getstate()[0]
    complete = sum(not character.isascii() for character in text)
    if left and (len(raw) < CUT_AT or complete < 2):
        return None
    return text + left.decode("ascii", "backslashreplace")


CUT_AT = 15
"""The least length at which a text is cut (16, of SH and CS, 64 of LO; less a padding)."""


def _is_rather_another(raw: bytes) -> bool:
    """Say whether what can be read as Latin is rather Korean or UTF-8."""
    korean, utf_8 = _korean(raw), _decode("utf_8", raw)
    return (korean is not None and is_korean(raw, korean)) or (
        utf_8 is not None and reads_well(utf_8, raw)
    )


# Latin, UTF-8 or Korean

HIGH = re.compile(rb"[\x80-\xff]+")
CONTROL = re.compile(rb"[\x80-\x9f]")
SYMBOLS = re.compile(rb"[\xa0-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7]")
"""Of Latin 1: all above 127 that are no letters."""


def may_be_latin(raw: bytes) -> bool:
    """Say whether bytes read like words of Latin 1: "Größe", "FUNÇÃO", "20 °C", "PÄÄ".

    Letters above 127 stand alone or between letters of ASCII. Four in a row, or two that
    are no part of a word, are not met in any language that is written so.
    """
    if CONTROL.search(raw):
        return False
    return all(_fits_latin(raw, run.start(), run.end()) for run in HIGH.finditer(raw))


def _fits_latin(raw: bytes, start: int, end: int) -> bool:
    start += raw[start:end].startswith(b"\xab")  # quotation marks
    end -= raw[start:end].endswith(b"\xbb")
    run = raw[start:end]
    flanks = raw[max(0, start - 1) : start].isalpha() + raw[end : end + 1].isalpha()
    if len(run) <= 2:
        return len(run) < 2 or flanks > 0
    if len(run) == 3:
        return flanks > 0 and not SYMBOLS.search(run[1:2])
    return flanks == 2 and not SYMBOLS.search(run)


def reads_well(text: str, raw: bytes) -> bool:
    """Say whether what decodes as UTF-8 is so because it was meant: "Ã¼" is no Latin text.

    Control characters of Latin 1 leave no doubt; without them, letters of the living scripts.
    """
    return bool(CONTROL.search(raw)) or all(
        character.isascii() or any(low <= ord(character) <= high for low, high in LIVING)
        for character in text
    )


LIVING = ((0xA0, 0x24F), (0x370, 0x52F), (0x590, 0x6FF), (0xE00, 0xE7F), (0x1100, 0x11FF),
          (0x1E00, 0x1FFF), (0x2010, 0x2027), (0x3000, 0x30FF), (0x3130, 0x318F),
          (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFF00, 0xFFEF))  # fmt: skip
"""Unicode's letters of Latin, Greek, Cyrillic, Hebrew, Arabic, Thai, Hangul, Kana and Han."""


def _is_accident(utf_8: str, raw: bytes) -> bool:
    """Say whether a Korean text is UTF-8 by accident ("채홍": C3 A4 C8 AB), and no Latin word."""
    flanked = any(
        raw[max(0, run.start() - 1) : run.start()].isalpha()
        or raw[run.end() : run.end() + 1].isalpha()
        for run in HIGH.finditer(raw)
    )
    return not flanked and max(utf_8) < "\u0800"


def is_korean(raw: bytes, text: str) -> bool:
    """Say whether what decodes as CP949 is Korean, and no other language by accident.

    Its words are all Hangul, or all Hanja beside some of Hangul (PS3.5 annex I); nearly all
    of the syllables are ordinary ones, of which every Korean text is made: of Chinese that is
    read as Korean they are a quarter, and its words mix Hangul and Hanja. A syllable that is
    alone tells too little, but for the names of organs: "³ú CT" is no Latin.
    """
    if ONE_ORGAN.fullmatch(text):
        return True
    words = re.findall(r"[^\x00-\x7f]+", text)
    hangul = [c for word in words for c in word if "가" <= c <= "힣"]
    if any(not _is_word(word) for word in words) or may_be_latin(raw):
        return False
    rare = [c for c in hangul if c not in ORDINARY]
    common = len(hangul) - len(rare)
    beyond = sum(not _is_ks_x_1001(c) for c in rare)
    if len(hangul) < 2 or common < (1 if CONTROL.search(raw) else 2):
        return False
    return beyond <= 2 * common and (len(rare) - beyond) * 4 <= len(hangul)


ONE_ORGAN = re.compile(
    r"[\x00-\x7f]*(?<![0-9A-Za-z])[뇌폐간목귀눈코턱혀팔손발위장등배뼈](?![0-9a-z])[\x00-\x7f]*"
)
"""One syllable that says what is examined: "뇌 CT", "폐CT", "Brain(뇌)".

As Latin 1 these are no words in any language (³ú Æó °£ ¸ñ ±Í ´« ÄÚ ÅÎ Çô ÆÈ ¼Õ ¹ß À§ Àå µî ¹è »À),
and none is what an organ is called in Chinese (GBK).
"""


def _is_word(word: str) -> bool:
    """Say whether a word is of Hangul alone or of Hanja alone, beside East Asian punctuation."""
    letters = [c for c in word if c.isalpha()]
    hangul = sum("가" <= c <= "힣" for c in letters)
    hanja = sum("\u4e00" <= c <= "\u9fff" or "\uf900" <= c <= "\ufaff" for c in letters)
    wide = sum("\uff21" <= c <= "\uff5a" for c in letters)
    return hangul + wide == len(letters) or hanja == len(letters)


def _is_ks_x_1001(character: str) -> bool:
    try:
        return len(character.encode("euc_kr")) == 2
    except UnicodeEncodeError:
        return False


ORDINARY = frozenset(
    "가각간갈감갑강개객거건걸검겁게겨격견결경계고곡곤골공과곽관광괴교구국군굴굽궁권궤귀규균그극근"
    "글금급기긴길김깊깨껍꼬꼭꽃꽉꿈끝나낙난날남납낭낮내냉너널넓네넥녀년념노녹논농높뇌누눈눕뉴느늑"
    "는늘능니님다닥단닫달담답당대더덕던덩데덴델도독돈돌동되된두둔둘뒤듈드득든들등디딜딩땀뜰뜸라락"
    "란람랑래랜램랫략량러런럼렁레려력련렬렴령례로록론롬롱료룡루류륜률륨륭르른름릉릎리릭린림립링마"
    "막만말맑망맞매맥맹머먼멀메면명몇모목몬몰몸몽묘무묵묶문물미믹민믿밀및바박반발밝밥방배백버벅번"
    "벌범법베벤벨벼벽변별병보복볶본볼봄봉부북분불붕뷰브블비빈빌빛뺨뼈뿐쁨사산살삼삽상새색샘샛생샤"
    "서석선설섬성세센셉션소속손솔솜송쇄쇠쇼수숙순술숨숭쉬슈스슬슴습승시식신실심십싱쌀써썹쐐쓸씨아"
    "악안앉않알암압앙앞애액앤야약얇양어억언얼엄업없엉엎에엔엘여역연열염엽영옆예오옥온올옹와완왕왜"
    "외왼요용우욱운울움웅워원월위윈윗유육윤율융으은을음읍응의이익인일임입잇있잎자작잔잘잠잡장재저"
    "적전절점접정젖제조족존좁종좌죄주죽준줄중즈증지직진질짐집징짧째쪽차착찬찰참창채책처척천철첨첩"
    "첫청체초촉촌총촬최추축춘출춤충췌취츠측층치친칠침칭카칼캐캔커컨컬컴케코콘콜콧콩쿠크큰클키킨킬"
    "킹타탁탄탈탐탑태택터턱턴털테텍텐텔템토톨톱통퇴투트특튼티틱팀팅파판팔팥패팽퍼페편폄평폐포폭폼"
    "표푸품풍퓨프플피픽핀필핏핑하학한할함합항해핵햇행향허헌험헤헬혀혁현혈협혓형혜호혹혼홍화확환활"
    "황회획횡효후훈휘휴흉흐흑흔흠흡흥희히힌힘"
)
"""Syllables of Korean names, places and medicine; a quarter of the 2,350 of KS X 1001."""
