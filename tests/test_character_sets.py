"""Texts come out in the letters their writer meant; right ones are never touched.

Expected names are those of PS3.5 annexes H to K and of the files that show them (David
Clunie's, pydicom's); the bytes of other texts come from Python's own codecs.
"""

from __future__ import annotations

import json

import pydicom
import pytest

import volume
from phantom import phantom
from shared_data import folder
from volume.dicom import elements
from volume.dicom.character_sets import read_text
from volume.dicom.data_set import read_data_set
from volume.dicom.encoding import open_data_set
from volume.dicom.identity import read_identity
from volume.dicom.reading import Reading

STANDARD_KOREAN = ("", "ISO 2022 IR 149")
GILDONG = "Hong^Gildong=洪^吉洞=홍^길동"

NAMES = {
    "chrArab.dcm": "قباني^لنزار",
    "chrFren.dcm": "Buc^Jérôme",
    "chrGB2312.dcm": "Zhang^XiaoDong=张^小东",
    "chrGerm.dcm": "Äneas^Rüdiger",
    "chrGreek.dcm": "Διονυσιος",
    "chrH31.dcm": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "chrH32.dcm": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "chrHbrw.dcm": "שרון^דבורה",
    "chrI2.dcm": GILDONG,
    "chrJapMulti.dcm": "やまだ^たろう",
    "chrJapMultiExplicitIR6.dcm": "やまだ^たろう",
    "chrKoreanMulti.dcm": "김희중",
    "chrRuss.dcm": "Люкceмбypг",
    "chrX1.dcm": "Wang^XiaoDong=王^小東",
    "chrX2.dcm": "Wang^XiaoDong=王^小东",
}


@pytest.mark.parametrize("name", NAMES)
def test_real_files_have_the_names_of_the_standard(name):
    path = folder("charsets") / name
    told = read_identity(str(path))[0]["PatientName"]
    assert told.removesuffix("=") == NAMES[name]  # some end in an empty phonetic name
    with path.open("rb") as file:
        data = read_data_set(open_data_set(file, name))
    assert elements.reading(data, "PatientName") == Reading(told)


@pytest.mark.parametrize(
    ("terms", "raw", "text"),
    [  # PS3.5 H.3.1, H.3.2, I.2, J.1, J.2, K.2
        (
            ("", "ISO 2022 IR 87"),
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            ("ISO 2022 IR 13", "ISO 2022 IR 87"),
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
            b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        ),
        (
            STANDARD_KOREAN,
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
            b"=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            GILDONG,
        ),
        (
            ("ISO_IR 192",),
            b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=",
            "Wang^XiaoDong=王^小東=",
        ),
        (
            ("GB18030",),
            b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=",
            "Wang^XiaoDong=王^小东=",
        ),
        (
            ("", "ISO 2022 IR 58"),
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
            "Zhang^XiaoDong=张^小东=",
        ),
    ],
)
def test_the_examples_of_the_standard_are_read_as_declared(terms, raw, text):
    assert read_text(raw, terms, person=True) == Reading(text)


DECLARED = {
    "ISO_IR 100": ("latin_1", "Größe Épaule crâne Ångström NÚÑEZ 20 °C ±5 µm"),
    "ISO_IR 101": ("iso8859_2", "Łukasz Żółć Dvořák Škoda"),
    "ISO_IR 109": ("iso8859_3", "Ħaż-Żebbuġ Ĵaŭdo"),
    "ISO_IR 110": ("iso8859_4", "Rīga Šķērsgriezums"),
    "ISO_IR 144": ("iso8859_5", "Грудная клетка Ёж"),
    "ISO_IR 127": ("iso8859_6", "قباني"),
    "ISO_IR 126": ("iso8859_7", "Θώρακας κεφαλή"),
    "ISO_IR 138": ("iso8859_8", "שרון דבורה"),
    "ISO_IR 148": ("iso8859_9", "Göğüs İbrahim Şahin"),
    "ISO_IR 166": ("iso8859_11", "ทรวงอก สมชาย"),
    "ISO_IR 203": ("iso8859_15", "Œdème 5 €"),
    "ISO_IR 13": ("shift_jis", "ﾔﾏﾀﾞ ﾀﾛｳ"),
    "ISO_IR 192": ("utf_8", "홍길동 王小東 Müller Грудь"),
    "GB18030": ("gb18030", "王小东 头部平扫 홍"),
    "GBK": ("gbk", "王小东 頭部"),
}


@pytest.mark.parametrize("term", DECLARED)
def test_what_is_right_as_declared_is_never_touched(term):
    codec, text = DECLARED[term]
    assert read_text(text.encode(codec), [term]) == Reading(text)
    for word in text.split():
        assert read_text(word.encode(codec), [term]) == Reading(word)


def test_sets_are_switched_by_escape_sequences_and_back_at_delimiters():
    terms = ("ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 159", "ISO 2022 IR 87")
    russian, kanji = "Грудь".encode("iso8859_5"), "鷗".encode("iso2022_jp_2")  # JIS X 0212
    raw = b"Gr\xf6\xdfe \x1b-L" + russian + b"\r\nM\xfcller " + kanji + b" end"
    assert read_text(raw, terms) == Reading("Größe Грудь\r\nMüller 鷗 end")
    assert read_text(b"\x1b-L" + russian + b"^M\xfcller", terms, person=True).text == "Грудь^Müller"


def test_korean_that_is_switched_to_as_declared_needs_no_repair():
    raw = b"M\xfcller=\x1b$)C" + "홍".encode("euc_kr") + b"^\x1b$)C" + "길동".encode("euc_kr")
    terms = ("ISO 2022 IR 100", "ISO 2022 IR 149")
    assert read_text(raw, terms, person=True) == Reading("Müller=홍^길동")


def test_a_text_of_delimiters_takes_time_by_its_length():
    import time

    started = time.perf_counter()
    read_text(b"\t\xe9" * 2**17, ["ISO_IR 100"])
    read_text(b"\x1b$B" + b"\t;3" * 2**16, ["", "ISO 2022 IR 87"])
    assert time.perf_counter() - started < 5


def test_a_syllable_of_eight_bytes_is_one():
    """KS X 1001 spells syllables that it lacks by their letters, behind a filler."""
    raw = b"\x1b$)C\xa4\xd4\xa4\xa8\xa4\xc7\xa4\xb1"
    assert read_text(raw, STANDARD_KOREAN) == Reading("똠")


# The forms that hospitals really write

SURNAMES = "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심"
GIVEN = """민준 서연 도윤 지우 예준 하윤 영희 철수 미경 정숙 성호 은주 혜진 현우 춘자 길동 희중
    웅""".split()
KOREAN = [
    *(surname + given for surname in SURNAMES for given in GIVEN),
    *(f"{surname}^{given}" for surname in SURNAMES for given in GIVEN),
    GILDONG,
    "Kim^Heejung==김^희중",
    *"""두부 흉부 복부 골반 척추 경추 요추 무릎 발목 어깨 손목 팔꿈치 쇄골 췌장 담낭 신장 전립선
    자궁 갑상선 유방 관상동맥 대동맥 심장 위장 식도 정맥 축상면 관상면 시상면 동맥기 문맥기 지연기
    연부조직 두경부 안와 부비동 측두골 고관절 슬관절 확산강조 관류 서울병원 가톨릭대학교""".split(),
    "머리 CT", "CT 흉부 저선량", "복부 (조영 전)", "3D 재구성", "T2 강조 영상 5mm",
    "※ 조영 후 · 관상면",
]  # fmt: skip


@pytest.mark.parametrize("terms", [(), ("ISO_IR 6",), ("ISO_IR 100",), ("ISO 2022 IR 100",)])
def test_korean_without_its_declaration_is_read(terms):
    for text in KOREAN:
        found = read_text(text.encode("cp949"), terms, person=True)
        assert (found.text, found.written) == (text, "EUC-KR")
        assert found.declared == "".join(terms)


@pytest.mark.parametrize("terms", [(), ("ISO_IR 100",), STANDARD_KOREAN])
def test_utf_8_without_its_declaration_is_read(terms):
    for text in [*KOREAN, "Грудная клетка", "頭部 単純", "Sch\u0142\u0105b"]:
        found = read_text(text.encode(), terms, person=True)
        assert (found.text, found.written) == (text, "UTF-8")
    if terms != STANDARD_KOREAN:
        assert read_text("Größe 20 °C".encode(), ["ISO_IR 100"]).text == "Größe 20 °C"


def test_korean_declared_as_utf_8_is_read():
    for text in KOREAN:
        if not (raw := text.encode("cp949")).isascii():
            assert read_text(raw, ["ISO_IR 192"]) == Reading(text, "EUC-KR", "ISO_IR 192")


@pytest.mark.parametrize("terms", [STANDARD_KOREAN, ("ISO 2022 IR 149",)])
def test_korean_without_escape_sequences_is_read(terms):
    for text in [*KOREAN, "뇌", "간 CT", "洪吉洞"]:
        found = read_text(text.encode("cp949"), terms, person=True)
        assert (found.text, found.written) == (text, "EUC-KR without escape sequences")
        assert found.declared == "\\".join(terms)


@pytest.mark.parametrize(
    "term",
    ["ISO_IR 149", "ISO IR 149", "ISO-IR 149", "ISO 2022 IR149", "KS X 1001", "EUC-KR",
     "ks_c_5601-1987", "CP949"],
)  # fmt: skip
def test_terms_that_are_none_of_the_standard_mean_korean(term):
    for raw in ("홍길동".encode("cp949"), b"\x1b$)C" + "홍길동".encode("cp949")):
        found = read_text(raw, [term])
        assert (found.text, found.written) == ("홍길동", "EUC-KR")
        assert found.declared == f"{term}, no term of the standard"


@pytest.mark.parametrize("terms", [(), ("ISO_IR 100",), ("ISO_IR 192",), ("ISO_IR 149",)])
def test_syllables_that_only_cp949_has_are_read(terms):
    for text in ("홍길똠", "홍^길햏", "똠방각하 조영", "아주 햏"):
        found = read_text(text.encode("cp949"), terms, person=True)
        assert (found.text, found.written) == (text, "CP949")
    raw = "홍^길똠".encode("cp949")
    assert read_text(raw, STANDARD_KOREAN, person=True) == Reading(
        "홍^길똠", "CP949 without escape sequences", "\\ISO 2022 IR 149"
    )


def test_an_escape_sequence_said_once_holds_for_the_whole_name():
    raw = b"\x1b$)C" + "홍^길동".encode("euc_kr")
    assert read_text(raw, STANDARD_KOREAN, person=True).text == "홍^길동"


def test_escape_sequences_tell_their_set_where_the_file_does_not():
    raw = b"\x1b$)C" + "홍길동".encode("euc_kr")
    for terms in ((), ("ISO_IR 100",), ("", "ISO 2022 IR 87")):
        found = read_text(raw, terms)
        assert (found.text, found.written) == ("홍길동", "ISO 2022 IR 149")
    assert read_text("山田".encode("iso2022_jp"), []).text == "山田"


def test_shift_jis_is_read_where_japanese_is_declared():
    for terms in (("ISO_IR 13",), ("ISO 2022 IR 13", "ISO 2022 IR 87"), ("", "ISO 2022 IR 87")):
        found = read_text("山田^太郎".encode("shift_jis"), terms, person=True)
        assert (found.text, found.written) == ("山田^太郎", "Shift-JIS")


LATIN = """Müller Größe Schädel Straße Füße Äste Ärzte Öl Übersicht Weiß Abhängigkeit Jürgen Jörg
    Knöchel Lösung Gefäß Gefäße Brüste Hüfte Kiefergelenk Nebenhöhlen Oberschenkel groß Fuß Maß
    Épaule crâne thoracique épaule genou hanche œsophage poumon côté tête abdomen Élodie René
    Zoé Noël Chloé François Hélène Jérôme Benoît Gaël Anaïs Éric Ève Étienne École À L'ÉTAT là où ça
    José NÚÑEZ Nuñez Peña Muñoz Ibáñez Martínez Gutiérrez López Sánchez Ramírez Íñigo Ángel Óscar
    Úrsula cráneo tórax columna rodilla corazón tobillo muñeca riñón hígado páncreas ESPAÑA AÑO
    João São Conceição INJEÇÃO INJEÇÕES FUNÇÃO CORAÇÃO SECÇÃO AÇÃO RESSONÂNCIA CRÂNIO TÓRAX FÊMUR
    MÃO PULMÃO ABDÔMEN IRMÃ GOLEGÃ Guimarães Magalhães Simões Gonçalves MAÇÃ LIGAÇÕES Ítalo Antônio
    Ångström Åsa Öberg Håkan Björn Malmö Skellefteå Göteborg Växjö hjärna buk bröst lungor knä
    PÄÄ SÄÄRI KYYNÄRPÄÄ Hämäläinen Määttä Jyväskylä Äänekoski sääriluu käsi Ääni yö Työ KÄÄPÄ
    Søren Åse Bjørn Ødegård Ærø blå grå høyre hjerte hofte knæ skulder Århus Æbeltoft Ø
    BLÁÆÐ BLÁÆÐAR SLAGÆÐ HÖFUÐ ÞÝÐING Guðrún Þór Æsir Jón Ásgeir Sigurðsson brjósthol öxl háls
    città perché Nicolò però più qualità Forlì Pietà caffè è È CITTÀ
    Çelik Öztürk Ünal Müzeyyen Ýlker Zoë België reünie coördinatie Tweeë één financiën
    jäär jäääär öö ÖÖ Õie kõht süda kõrv õlg põlv""".split()
PHRASES = [
    "«Größe»", "«CITTÀ»", "»Weiß«", "«À L'ÉTAT PUR»", "«é»", "20 °C", "±5 °", "½ Dosis", "5 µm²",
    "Nº 3", "Mª José", "¿Qué?", "¡Así!", "Kopf © 2020", "10³ mm³", "Schädel nativ 5.0 Äq",
    "Thorax ÄÖÜ", "CAFÉ»",
    "A·B·C", "§ 5", "N°5", "Ø 5",
]  # fmt: skip


ORGANS = "뇌 폐 간 목 귀 눈 코 턱 혀 팔 손 발 위 장 등 배 뼈".split()


@pytest.mark.parametrize("terms", [[], ["ISO_IR 6"], ["ISO_IR 100"], ["ISO_IR 192"]])
def test_an_organ_of_one_syllable_is_read(terms):
    for organ in ORGANS:
        for text in (organ, f"{organ} CT", f"{organ}CT", f"CT {organ}", f"Brain({organ})"):
            assert read_text(text.encode("euc_kr"), terms) == Reading(
                text, "EUC-KR", terms[0] if terms else ""
            )


@pytest.mark.parametrize("terms", [[], ["ISO_IR 100"]])
def test_words_of_korean_radiology_and_names_are_read(terms):
    """Syllables that are rare elsewhere: ribs, appendix, left, scan, spring."""
    for text in "늑골 맹장 왼쪽 스캔 가슴 엉덩이 콩팥 쓸개 김봄 김하늘 박으뜸 맹사성".split():
        assert read_text(text.encode("euc_kr"), terms).text == text


def test_one_organ_beside_letters_that_belong_to_it_is_none():
    for text in ("20°£", "m³ú", "»Àpfel", "À§5", "cm³ú CT", "³ú Größe"):
        assert read_text(text.encode("latin-1"), ["ISO_IR 100"]) == Reading(text)


def test_words_of_latin_stay_what_they_are():
    words = [one for one in LATIN if "œ" not in one]
    phrases = [f"{a} {b}" for a in words for b in words[::7]]
    names = [f"{a}^{b}" for a, b in zip(words, words[::-1], strict=True)]
    for text in [*words, *(word.upper() for word in words), *PHRASES, *phrases, *names]:
        try:
            raw = text.encode("latin-1")
        except UnicodeEncodeError:  # "ß".upper() is fine, "ÿ" has none
            continue
        assert read_text(raw, ["ISO_IR 100"]) == Reading(text)


def test_words_of_latin_are_read_where_nothing_or_utf_8_is_declared():
    for text in LATIN:
        if "œ" in text or text.isascii() or len(text) == 2:
            continue
        for terms in ([], ["ISO_IR 6"], ["ISO_IR 192"]):
            found = read_text(text.encode("latin-1"), terms)
            assert (found.text, found.written) == (text, "Latin 1 (ISO_IR 100)")


def test_other_languages_are_not_taken_for_korean():
    """What cannot be known stays: as declared where that is possible, else as bytes."""
    for text, codec in (
        ("张小东", "gbk"), ("头部平扫", "gbk"), ("胸部增强", "gbk"), ("王^小东", "gbk"),
        ("李伟", "gbk"),
        ("山田太郎", "shift_jis"), ("頭部単純", "shift_jis"), ("Грудная клетка", "cp1251"),
    ):  # fmt: skip
        raw = text.encode(codec)
        assert read_text(raw, []).text == raw.decode("ascii", "backslashreplace")
        latin = read_text(raw, ["ISO_IR 100"]).text
        assert not any("가" <= c <= "힣" for c in latin)


def test_what_nothing_explains_stays_visible_as_bytes():
    found = read_text(b"abc \xff\xfe\x80 def", ["ISO_IR 192"])
    assert found.text == r"abc \xff\xfe\x80 def"
    assert found.written
    assert read_text(b"Thorax \x96 nativ", ["ISO_IR 100"]).text == r"Thorax \x96 nativ"
    assert read_text(b"\xb1", STANDARD_KOREAN).text == r"\xb1"
    assert read_text(b"\x1b$B;", ["", "ISO 2022 IR 87"]).text == ";"


def test_a_letter_cut_by_a_limit_of_length_costs_no_other():
    text = "복부 조영증강 동맥기 문맥기 지연기 관상면 재구성 저선량 프로토콜"
    for codec, terms in (("utf_8", ["ISO_IR 192"]), ("cp949", ["ISO_IR 100"]), ("cp949", [])):
        raw = text.encode(codec)[:63]
        cut = raw.decode(codec, "ignore")
        assert read_text(raw, terms).text.startswith(cut)
        assert len(read_text(raw, terms).text) <= len(cut) + 8


def test_any_bytes_under_any_terms_are_read_without_an_error():
    import random

    draw = random.Random(5)
    terms = ["", "ISO_IR 100", "ISO 2022 IR 149", "ISO 2022 IR 87", "ISO 2022 IR 159", "GB18030",
             "ISO_IR 192", "ISO_IR 13", "ISO 2022 IR 58", "nonsense", "ISO_IR 999"]  # fmt: skip
    parts = [b"\x1b$)C", b"\x1b$B", b"\x1b(J", b"\x1b", b"^", b"=", b"\\", b"\r\n"]
    for _ in range(3000):
        raw = b"".join(
            draw.choice(parts) if draw.random() < 0.3 else draw.randbytes(draw.randrange(4))
            for _ in range(draw.randrange(9))
        )
        chosen = draw.sample(terms, draw.randrange(3))
        assert isinstance(read_text(raw, chosen, person=draw.random() < 0.5).text, str)


def test_pydicom_agrees_wherever_it_can_read_the_text():
    for term, (codec, text) in DECLARED.items():
        if term == "ISO_IR 203":  # of 2023: pydicom 3.0.2 does not know it
            continue
        raw = text.encode(codec)
        theirs = pydicom.charset.decode_bytes(raw, pydicom.charset.convert_encodings(term), set())
        assert read_text(raw, [term]).text == theirs


# In a series


@pytest.mark.parametrize(
    ("terms", "codec", "message"),
    [
        ("ISO_IR 100", "cp949", "EUC-KR, but declared as ISO_IR 100"),
        ("", "cp949", "EUC-KR, but no set is declared"),
        ("ISO_IR 192", "cp949", "EUC-KR, but declared as ISO_IR 192"),
        ("ISO_IR 100", "utf_8", "UTF-8, but declared as ISO_IR 100"),
    ],
)
def test_info_shows_it_right_and_says_once_that_it_was_repaired(
    run, tmp_path, terms, codec, message
):
    def declare(dataset, _k, _phase):
        dataset.SpecificCharacterSet = terms

    raw = "흉부 조영".encode(codec)
    series = phantom(tmp_path / "s", size=(12, 10, 6), description="#" * len(raw), edit=declare)
    for path in series.paths:
        path.write_bytes(path.read_bytes().replace(b"#" * len(raw), raw))
    (stack,) = volume.scan(tmp_path / "s").stacks
    assert stack.description == "흉부 조영"
    (finding,) = [f for f in stack.findings if f.code == "charset-repaired"]
    assert finding.message == f"SeriesDescription was written in {message}"
    assert len(finding.files) == 6
    assert finding.severity == "warning"
    code, out, _ = run("info", tmp_path / "s")
    assert (code, "흉부 조영" in out, out.count("charset-repaired")) == (0, True, 1)
    code, out, _ = run("info", tmp_path / "s", "--json")
    assert json.loads(out)["volumes"][0]["description"] == "흉부 조영"


def test_a_name_in_an_undeclared_set_is_repaired_and_never_quoted(tmp_path):
    def edit(dataset, _k, _phase):
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName = dataset.InstitutionName = GILDONG

    written = phantom(tmp_path / "s", size=(12, 10, 4), edit=edit)
    for path in written.paths:
        utf_8, korean = GILDONG.encode(), GILDONG.encode("cp949")
        korean += b" " * (len(utf_8) - len(korean))
        path.write_bytes(path.read_bytes().replace(utf_8, korean))
    made = volume.load(tmp_path / "s", identifiers=True)
    assert made.report["identifiers"]["PatientName"] == GILDONG
    repaired = [f.message for f in made.findings if f.code == "charset-repaired"]
    assert repaired == [
        f"{keyword} was written in EUC-KR, but declared as ISO_IR 192"
        for keyword in ("PatientName", "InstitutionName")
    ]
