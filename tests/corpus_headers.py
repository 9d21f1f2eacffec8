"""Damage to data elements: bits, lengths, numbers, sequences, encodings."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

from pydicom.datadict import tag_for_keyword

from damaged import Damaged
from element_map import LONG, UNDEFINED, Element
from good_files import GoodFile

Goods = Sequence[GoodFile]
SEQUENCE = 0x00081140
PRIVATE = 0x00091001
EXPLICIT = "1.2.840.10008.1.2.1"


def _case(good: GoodFile, name: str, data: bytes, **more: object) -> Damaged:
    kept = {"pictures": (good.picture,), "tolerance": good.tolerance, **more}
    return Damaged("", f"{good.name}: {name}", data, **kept)  # type: ignore[arg-type]


def flipped(data: bytes, draw: Random, low: int, high: int, bits: int) -> bytes:
    """Flip some bits between two places."""
    out = bytearray(data)
    for _ in range(bits):
        out[draw.randrange(low, high)] ^= 1 << draw.randrange(8)
    return bytes(out)


def untouched(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Give the good files as they are: they must be read."""
    for good in goods:
        yield _case(good, "as it is", good.data, may_refuse=False)


def header_bits(draw: Random, goods: Goods) -> Iterator[Damaged]:
    while True:
        good = draw.choice(goods)
        plain, bits = good.map, draw.randint(1, 3)
        changed = flipped(plain.data, draw, plain.body, good.pixels.start, bits)
        yield _case(good, f"{bits} bits of the header", plain.packed(changed), says="file")


def meta_bits(draw: Random, goods: Goods) -> Iterator[Damaged]:
    while True:
        good = draw.choice(goods)
        bits = draw.randint(1, 4)
        data = flipped(good.data, draw, 128, good.map.body, bits)
        yield _case(good, f"{bits} bits of the file meta information", data)


def native_pixel_bits(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Change native pixels: nothing can tell them from good ones, and they stand as they are."""
    natives = [good for good in goods if not good.is_compressed]
    while True:
        good = draw.choice(natives)
        pixels = good.pixels
        changed = flipped(good.map.data, draw, pixels.value, pixels.end, draw.randint(1, 9))
        yield _case(good, "bits of the pixels", good.map.packed(changed), says="file", pictures=())


def bytes_overwritten(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Overwrite a run of bytes in the header, as a bad sector does."""
    while True:
        good = draw.choice(goods)
        at = draw.randrange(128, good.pixels.start)
        run = draw.choice([4, 16, 64, 256])
        fill = draw.choice([b"\0", b"\xff", b" ", draw.randbytes(1)])
        plain = good.map.data
        run = min(run, good.pixels.start - at)
        changed = plain[:at] + fill * run + plain[at + run :]
        yield _case(good, f"{run} bytes of {fill!r} at {at}", good.map.packed(changed), says="file")


def truncated_at_elements(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """End a file where an element begins, inside its head, or inside its value."""
    cuts = [
        (good, element, cut)
        for good in goods
        for element in good.map.elements
        for cut in ("at", "head", "value")
    ]
    draw.shuffle(cuts)
    for good, element, cut in cuts:
        at = {
            "at": element.start,
            "head": element.start + draw.randint(1, 7),
            "value": (element.value + element.end) // 2,
        }[cut]
        data = good.map.data[:at]
        if good.map.syntax.endswith(".99") and at > good.map.body:
            data = good.map.packed(data)
        yield _case(good, f"cut {cut} element {element.tag:08x}", data)


def truncated_deflated(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Cut or change a deflated stream itself; it has no sum that would tell."""
    deflated = [good for good in goods if good.map.syntax.endswith(".99")]
    while True:
        good = draw.choice(deflated)
        at = draw.randrange(good.map.body, len(good.data))
        how = draw.choice(["cut", "bit", "zeros", "again"])
        data = {
            "cut": good.data[:at],
            "bit": flipped(good.data, draw, good.map.body, len(good.data), 1),
            "zeros": good.data[:at] + bytes(len(good.data) - at),
            "again": good.data + good.data[good.map.body :],
        }[how]
        yield _case(good, f"deflated stream, {how} at {at}", data, says="file")


LENGTHS = (0, 1, 7, 0x7FFE, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, UNDEFINED)


def lying_lengths(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Give elements, items and fragments other lengths, at every level."""
    while True:
        good = draw.choice(goods)
        element = draw.choice(good.map.elements)
        lie = draw.choice([*LENGTHS, element.length + 2, element.length - 2, element.length * 2])
        width = element.length_bytes
        little = good.map.little or element.start < good.map.body
        order, form = "<" if little else ">", "H" if width == 2 else "I"
        plain = bytearray(good.map.data)
        told = lie & (0xFFFF if width == 2 else UNDEFINED)
        struct.pack_into(order + form, plain, element.length_at, told)
        name = f"element {element.tag:08x} claims {told} bytes"
        data = bytes(plain) if element.start < good.map.body else good.map.packed(bytes(plain))
        yield _case(good, name, data, says="file")


def _explicit(goods: Goods) -> list[GoodFile]:
    return [good for good in goods if good.map.syntax == EXPLICIT]


def _plain_headers(goods: Goods) -> list[GoodFile]:
    return [good for good in goods if good.map.syntax in (EXPLICIT, EXPLICIT[:-2])]


def nested_deep(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Nest sequences deeper than any stack."""
    depths = [70, 1_000, 20_000, 500_000]
    kinds = ["sequence", "private", "unknown", "undefined", "private undefined", "items"]
    for depth, kind in product(draw.sample(depths, len(depths)), draw.sample(kinds, len(kinds))):
        good = draw.choice(_plain_headers(goods))
        nest = _nest(good, depth, kind)
        yield _case(good, f"{kind} {depth} deep", good.map.inserted(nest, SEQUENCE))


def _nest(good: GoodFile, depth: int, kind: str) -> bytes:
    tag = PRIVATE if "private" in kind else SEQUENCE
    vr = "UN" if kind == "unknown" else "SQ"
    if kind == "items":  # items within items, which no sequence has
        return good.map.element(tag, "SQ", b"", UNDEFINED) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * (
            depth
        )
    head = good.map.element(tag, vr, b"", UNDEFINED)
    item = b"\xfe\xff\x00\xe0"
    if "undefined" in kind or kind == "unknown":
        end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        return (head + item + b"\xff\xff\xff\xff") * depth + end * depth
    size, parts = 0, []
    for _ in range(depth):  # from the inside out, with lengths that fit
        opening = item + struct.pack("<I", size & UNDEFINED)
        size += 8
        opening = head[:-4] + struct.pack("<I", size & UNDEFINED) + opening
        size += len(head)
        parts.append(opening)
    return b"".join(reversed(parts))


def empty_items(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Fill a sequence with millions of items that hold nothing."""
    counts = [1_000, 100_000, 1_000_000, 4_000_000]
    kinds = ["defined", "undefined", "functional groups", "delimiters"]
    for count, kind in product(draw.sample(counts, len(counts)), draw.sample(kinds, len(kinds))):
        good = draw.choice(_plain_headers(goods))
        item = b"\xfe\xff\x00\xe0\0\0\0\0"
        if kind == "undefined":
            item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0"
        if kind == "delimiters":
            item = b"\xfe\xff\x0d\xe0\0\0\0\0"
        tag = 0x52009229 if kind == "functional groups" else SEQUENCE
        new = good.map.element(tag, "SQ", item * count)
        yield _case(good, f"{count} items, {kind}", good.map.inserted(new, tag), says="file")


ABSURD: dict[str, tuple[int, ...]] = {
    "Rows": (0, 1, 19, 21, 65535),
    "Columns": (0, 1, 23, 25, 65535),
    "SamplesPerPixel": (0, 2, 3, 4, 65535),
    "BitsAllocated": (0, 1, 7, 8, 12, 24, 32, 64, 65535),
    "BitsStored": (0, 17, 64, 65535),
    "HighBit": (0, 3, 16, 65535),
    "PixelRepresentation": (2, 65535),
    "PlanarConfiguration": (1, 2, 65535),
}
FRAME_COUNTS = (
    b"0 ",
    b"-1",
    b"2 ",
    b"100000",
    b"2147483647",
    b"1e9 ",
    b"99999999999 ",
    b"1.5 ",
    b"x ",
)


def absurd_counts(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Declare sizes and depths that the pixels do not have."""
    cases = [(keyword, value) for keyword, values in ABSURD.items() for value in values]
    cases += [("NumberOfFrames", value) for value in FRAME_COUNTS]  # type: ignore[misc]
    every = list(product(goods, cases))
    draw.shuffle(every)
    for good, (keyword, value) in every:
        order = "<H" if good.map.little else ">H"
        raw = value if isinstance(value, bytes) else struct.pack(order, value)
        yield _case(good, f"{keyword} {value!r}", _with_value(good, keyword, raw))


def _with_value(good: GoodFile, keyword: str, raw: bytes) -> bytes:
    element = good.map.find(keyword)
    if element is not None and element.depth == 0:
        return good.map.replaced(element, raw)
    tag = tag_for_keyword(keyword) or 0
    vr = "IS" if keyword == "NumberOfFrames" else "US"
    return good.map.inserted(good.map.element(tag, vr, raw), tag)


def other_valid_counts(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Declare another depth or sign that is as possible as the old one: as the file says."""
    natives = [g for g in goods if not g.is_compressed and g.picture.array.dtype.kind == "f"]
    every = list(
        product(
            natives,
            [("BitsStored", 12, 11), ("BitsStored", 15, 14), ("PixelRepresentation", 0, None),
             ("PixelRepresentation", 1, None)],
        )
    )  # fmt: skip
    draw.shuffle(every)
    for good, (keyword, value, high) in every:
        order = "<H" if good.map.little else ">H"
        element = good.map.find(keyword)
        if element is None or good.map.find("BitsAllocated") is None:
            continue
        plain = bytearray(good.map.data)
        struct.pack_into(order, plain, element.value, value)
        other = good.map.find("HighBit")
        if high is not None and other is not None:
            struct.pack_into(order, plain, other.value, high)
        data = good.map.packed(bytes(plain))
        yield _case(good, f"{keyword} {value}", data, says="file", pictures=())


def several_values(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Give several values, or none, where there is one."""
    keywords = [*ABSURD, "NumberOfFrames", "RescaleSlope", "SliceThickness"]
    every = list(product(goods, keywords, ["twice", "empty", "one byte", "nine"]))
    draw.shuffle(every)
    for good, keyword, how in every:
        element = good.map.find(keyword)
        if element is None or element.depth:
            continue
        raw = good.map.data[element.value : element.end]
        text = element.vr in ("DS", "IS")
        value = {
            "twice": raw.rstrip() + (b"\\" if text else b"") + raw,
            "empty": b"",
            "one byte": raw[:1],
            "nine": (raw.rstrip() + (b"\\" if text else b"")) * 9,
        }[how]
        if len(value) % 2 and how != "one byte":
            value += b" "
        pictures = (good.picture, good.picture.without(2))
        yield _case(good, f"{keyword} {how}", good.map.replaced(element, value), pictures=pictures)


PLACES = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
SCALES = ("RescaleSlope", "RescaleIntercept")
POISON: dict[str, bytes] = {
    "NaN": b"nan", "infinity": b"inf", "minus infinity": b"-inf ", "1e400": b"1e400 ",
    "-1e308": b"-1e308", "comma": b"1,5", "underscore": b"1_0", "hexadecimal": b"0x10",
    "ten thousand digits": b"1" * 10_000, "many decimals": b"0." + b"3" * 20_000,
    "full width": "１.５".encode(), "Arabic digits": "١".encode(), "word": b"one ",
    "dots": b"1.2.3 ",
    "two signs": b"--1 ", "spaces within": b"1 5 ", "NUL within": b"1\x005 ", "exponent": b"e5",
    "plus infinity": b"+Infinity ", "fraction": b"1/2 ", "percent": b"10% ", "escape": b"\x1b[31m1",
    "bidi": "\u202e51".encode(), "1e7": b"1e7 ", "-nan": b"-nan",
}  # fmt: skip


def poisoned_numbers(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put what is no number where numbers place or scale the voxels."""
    fitting = [good for good in goods if len(good.data) < 20_000]
    every = list(product(fitting, [*PLACES, *SCALES], POISON))
    draw.shuffle(every)
    for good, keyword, poison in every:
        found = [e for e in good.map.elements if e.tag == tag_for_keyword(keyword)]
        if not found or found[0].depth:  # deeper ones have a family of their own
            continue
        raw = good.map.data[found[0].value : found[0].end]
        parts = raw.strip(b"\0 ").split(b"\\")
        parts[draw.randrange(len(parts))] = POISON[poison]
        value = b"\\".join(parts)
        data = good.map.replaced(found[0], value + b" " * (len(value) % 2))
        says = "file" if poison == "many decimals" else ""  # it is a number, and too long
        yield _case(good, f"{poison} in {keyword}", data, says=says, pictures=())


def poisoned_groups(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """The same in the functional groups of multi-frame files, without changing a length."""
    fitting = [good for good in goods if good.map.find("PerFrameFunctionalGroupsSequence")]
    short = [b"nan", b"inf", b"1,5", b"1_0", b"-", b"x", b"\xff\xff", b"1e9", b"", b"e"]
    while True:
        good = draw.choice(fitting)
        keyword = draw.choice([*PLACES, *SCALES])
        found = [e for e in good.map.elements if e.tag == tag_for_keyword(keyword) and e.depth]
        if not found:
            continue
        element, poison = draw.choice(found), draw.choice(short)
        raw = good.map.data[element.value : element.end]
        parts = raw.split(b"\\")
        parts[draw.randrange(len(parts))] = poison
        value = b"\\".join(parts)[: len(raw)].ljust(len(raw))
        plain = good.map.data
        data = good.map.packed(plain[: element.value] + value + plain[element.end :])
        yield _case(good, f"{poison!r} in {keyword} of a frame", data, says="file")


def wrong_number_of_numbers(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Too many, too few, or no numbers, where a number of them places the voxels."""
    every = list(product(goods, [*PLACES, *SCALES], ["more", "fewer", "none", "blank", "bars"]))
    draw.shuffle(every)
    for good, keyword, how in every:
        element = good.map.find(keyword)
        if element is None or element.depth:
            continue
        parts = good.map.data[element.value : element.end].strip(b"\0 ").split(b"\\")
        value = {
            "more": b"\\".join([*parts, b"1"]),
            "fewer": b"\\".join(parts[:-1]),
            "none": b"",
            "blank": b"  ",
            "bars": b"\\" * (len(parts) - 1),
        }[how]
        data = good.map.replaced(element, value + b" " * (len(value) % 2))
        says = "file" if how in ("none", "blank", "bars", "fewer") else ""
        yield _case(good, f"{how} in {keyword}", data, says=says, pictures=())


def impossible_planes(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Numbers that are numbers, and place nothing."""
    values = {
        "ImageOrientationPatient": (
            b"0\\0\\0\\0\\0\\0", b"1\\0\\0\\1\\0\\0", b"1\\0\\0\\0.8\\0.6\\0", b"9\\0\\0\\0\\9\\0",
            b"1\\1\\1\\1\\1\\1", b"1e-9\\0\\0\\0\\1e-9\\0",
        ),
        "PixelSpacing": (b"0\\0", b"-1\\1", b"1\\0", b"1e-30\\1", b"-0\\1", b"999999\\999999"),
        "ImagePositionPatient": (b"999999999\\0\\0", b"1e300\\0\\0", b"0\\-1e6\\0"),
        "RescaleSlope": (b"0", b"-0", b"1e-300", b"1e30", b"-1e30"),
        "RescaleIntercept": (b"1e300", b"-1e39"),
    }  # fmt: skip
    every = [(g, key, value) for g in goods for key, some in values.items() for value in some]
    draw.shuffle(every)
    for good, keyword, value in every:
        element = good.map.find(keyword)
        if element is None or element.depth:
            continue
        data = good.map.replaced(element, value + b" " * (len(value) % 2))
        says = "" if keyword.startswith("ImageO") else "file"
        yield _case(good, f"{keyword} {value.decode()}", data, says=says, pictures=())


def lying_vrs(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Give an element another VR in the same bytes."""
    vrs = [*sorted(LONG), *"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()]
    explicit = [good for good in goods if not good.map.implicit]
    while True:
        good = draw.choice(explicit)
        element = draw.choice([e for e in good.map.elements if e.vr])
        vr = draw.choice([*vrs, "??", "\0\0", "ds", "ZZ"])
        plain = good.map.data
        at = element.start + 4
        data = plain[:at] + vr.encode() + plain[at + 2 :]
        yield _case(
            good, f"element {element.tag:08x} as {vr!r}", good.map.packed(data), says="file"
        )


def lying_syntaxes(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Claim every transfer syntax of every file."""
    claims = [
        "1.2.840.10008.1.2", EXPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.98",
        "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5",
        *(f"1.2.840.10008.1.2.4.{n}" for n in "50 51 57 70 80 81 90 91 92 94 102 201".split()),
        "1.2.840.113619.5.2", "1.2.3", "", "not a UID", "1" * 300,
    ]  # fmt: skip
    every = list(product(goods, claims))
    draw.shuffle(every)
    for good, claim in every:
        if claim != good.map.syntax:
            yield _case(good, f"claims {claim[:24]!r}", claiming(good, claim))


def claiming(good: GoodFile, syntax: str) -> bytes:
    """Rewrite the transfer syntax of the file meta information."""
    meta = next(e for e in good.map.elements if e.tag == 0x00020010)
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    new = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(value)) + value
    return good.data[: meta.start] + new + good.data[meta.end :]


def repeated_elements(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Write an element twice, the second time with another value: either one is as written."""
    keywords = [*PLACES, *SCALES, "Rows", "Columns", "SOPInstanceUID", "Modality", "PixelData"]
    every = list(product(goods, keywords))
    draw.shuffle(every)
    for good, keyword in every:
        element = good.map.find(keyword)
        if element is None or element.depth:
            continue
        raw = good.map.data[element.start : element.end]
        other = _other(raw, element)
        plain = good.map.data
        data = good.map.packed(plain[: element.end] + other + plain[element.end :])
        yield _case(good, f"{keyword} twice", data, says="file")


def _other(raw: bytes, element: Element) -> bytes:
    """Write the same element with other digits, bits or pixels."""
    head = element.value - element.start
    value = raw[head:]
    if element.vr in ("DS", "IS", "UI"):
        value = value.replace(b"1", b"3").replace(b"0", b"2")
    elif element.vr == "US":
        value = value[::-1]
    else:
        value = value[: len(value) // 2] + value[len(value) // 2 :][::-1]
    return raw[:head] + value


def shuffled_elements(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Write the elements in another order; the pixels stay last, or come first."""
    while True:
        good = draw.choice(goods)
        plain, top = good.map.data, good.map.top()
        blocks = [plain[e.start : e.end] for e in top]
        how = draw.choice(["two swapped", "all but the pixels", "pixels first"])
        if how == "two swapped":
            a, b = draw.sample(range(len(blocks) - 1), 2)
            blocks[a], blocks[b] = blocks[b], blocks[a]
        elif how == "pixels first":
            blocks.insert(0, blocks.pop())
        else:
            last = blocks.pop()
            draw.shuffle(blocks)
            blocks.append(last)
        data = good.map.packed(plain[: good.map.body] + b"".join(blocks))
        yield _case(good, f"order: {how}", data)


def gaps_between(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Leave bytes between two elements that belong to none."""
    while True:
        good = draw.choice(goods)
        element = draw.choice(good.map.top())
        count = draw.choice([1, 2, 7, 8, 64, 4096, 1_000_000])
        fill = draw.choice([b"\0", b"\xff", b" "])
        plain = good.map.data
        data = plain[: element.start] + fill * count + plain[element.start :]
        name = f"{count} bytes of {fill!r} before {element.tag:08x}"
        yield _case(good, name, good.map.packed(data), says="file")


def swapped_midway(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Go on in the other byte order from some element on."""
    while True:
        good = draw.choice(goods)
        top = good.map.top()
        first = draw.randrange(1, len(top))
        plain = bytearray(good.map.data)
        for element in top[first:]:
            for at, width in ((element.start, 2), (element.start + 2, 2),
                              (element.length_at, element.length_bytes)):  # fmt: skip
                plain[at : at + width] = plain[at : at + width][::-1]
        data = good.map.packed(bytes(plain))
        yield _case(good, f"byte order from {top[first].tag:08x} on", data, says="file")


def group_lengths(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Add group lengths that are wrong."""
    every = list(product(goods, (0x00080000, 0x00200000, 0x00280000, 0x7FE00000), LENGTHS))
    draw.shuffle(every)
    for good, tag, lie in every:
        order = "<I" if good.map.little else ">I"
        new = good.map.element(tag, "UL", struct.pack(order, lie))
        data = good.map.inserted(new, tag)
        yield _case(good, f"group length {tag:08x} of {lie}", data)


def huge_private(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Add private elements that are large, or many."""
    fitting = [good for good in goods if not good.map.syntax.endswith(".99")]
    every = list(product(draw.sample(fitting, len(fitting)), ["30 MB", "100,000", "claims 4 GB"]))
    draw.shuffle(every)
    for good, how in every:
        one = good.map.element(0x00091002, "UN", b"\x07" * 6)
        new = {
            "30 MB": good.map.element(0x00091001, "OB", b"\xa5" * 30_000_000),
            "100,000": one * 100_000,
            "claims 4 GB": good.map.element(0x00091001, "OB", b"", 0xFFFFFFF0),
        }[how]
        yield _case(good, f"private elements, {how}", good.map.inserted(new, 0x00091000))


CHARSETS = (
    b"ISO_IR 999", b"\\" * 200, b"UTF-8 ", b"ISO 2022 IR 149\\ISO 2022 IR 87\\ISO_IR 192 ",
    b"\xff\xfe\x00", b"../../etc/passwd", b"A" * 5000, b"", b"ISO_IR 192\\ISO_IR 192", b"idna",
    b"rot13 ", b"unicode_escape", b"zlib_codec", b"utf-16 ", b"\x1b$)C",
)  # fmt: skip


def character_sets(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Name character sets that are none; the image does not depend on them."""
    every = list(product(goods, CHARSETS))
    draw.shuffle(every)
    for good, charset in every:
        element = good.map.find("SpecificCharacterSet")
        value = charset + b" " * (len(charset) % 2)
        if element is not None and element.depth == 0:
            data = good.map.replaced(element, value)
        else:
            new = good.map.element(0x00080005, "CS", value)
            data = good.map.inserted(new, 0x00080004)
        yield _case(good, f"character set {charset[:16]!r}", data)


TEXTS = {
    "colours": b"\x1b[31mred\x1b[0m", "bidi": "\u202eabc\u2066".encode(), "newlines": b"a\r\nb\nc",
    "long": b"x" * 60_000, "NULs": b"a\0b\0", "markup": b"[bold red]<script>alert(1)</script>",
    "path": b"../../../etc/passwd", "bell": b"\x07\x08\x7f",
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "not UTF-8": b"\xff\xfe\xfd\x80", "empty": b"", "format": b"%s%n{0}{__class__}",
}  # fmt: skip
TEXT_ELEMENTS = (
    "SeriesDescription", "SeriesInstanceUID", "SOPInstanceUID", "StudyInstanceUID", "Modality",
    "FrameOfReferenceUID", "PatientName", "PatientID", "ImageType", "RescaleType", "SeriesNumber",
    "InstanceNumber", "PhotometricInterpretation",
)  # fmt: skip


def hostile_texts(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put what a terminal or a file system would obey where a text stands."""
    every = list(product(goods, TEXT_ELEMENTS, TEXTS))
    draw.shuffle(every)
    for good, keyword, text in every:
        element = good.map.find(keyword)
        if element is None or element.depth:
            continue
        value = TEXTS[text] + b" " * (len(TEXTS[text]) % 2)
        if len(value) > 65_000 and element.vr not in LONG:
            continue
        yield _case(good, f"{text} in {keyword}", good.map.replaced(element, value))


def odd_classes(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Claim SOP classes that are private, unknown, or of other things."""
    classes = (
        "1.2.840.113619.4.30", "1.3.12.2.1107.5.9.1", "1.2.3", "", "x", "1.2.840.10008.1.3.10",
        "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2",
        "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.66.4",
        "1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.481.2", "9" * 64,
    )  # fmt: skip
    every = list(product(goods, classes))
    draw.shuffle(every)
    for good, uid in every:
        element = good.map.find("SOPClassUID")
        if element is None:
            continue
        value = uid.encode() + b"\0" * (len(uid) % 2)
        yield _case(good, f"SOP class {uid[-20:]!r}", good.map.replaced(element, value))


def unknown_vrs(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Write elements that matter as UN, as anonymisers do; the values are as good as before."""
    keywords = [*PLACES, *SCALES, "Rows", "Columns", "BitsStored", "BitsAllocated", "ImageType",
                "PixelRepresentation", "PerFrameFunctionalGroupsSequence", "PixelData"]  # fmt: skip
    every = list(product([good for good in goods if not good.map.implicit], keywords))
    draw.shuffle(every)
    for good, keyword in every:
        element = good.map.find(keyword)
        if element is None or element.depth or element.length == UNDEFINED:
            continue
        raw = good.map.data[element.value : element.end]
        data = good.map.replaced(element, raw, "UN")
        yield _case(good, f"{keyword} as UN", data)


def broken_groups(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Take whole functional groups, or their items, away; or give them twice."""
    fitting = [good for good in goods if good.map.find("PerFrameFunctionalGroupsSequence")]
    while True:
        good = draw.choice(fitting)
        inside = [e for e in good.map.elements if e.depth and e.length != UNDEFINED]
        tops = [e for e in good.map.top() if e.vr == "SQ"]
        element = draw.choice(tops)
        plain = good.map.data
        how = draw.choice(["emptied", "taken away", "renamed inside"])
        if how == "renamed inside":
            inner = draw.choice(inside)
            changed = bytearray(plain)
            changed[inner.start + 2] ^= 0x5A
            data = bytes(changed)
        elif how == "emptied":
            new = good.map.element(element.tag, "SQ", b"")
            data = plain[: element.start] + new + plain[element.end :]
        else:
            data = plain[: element.start] + plain[element.end :]
        yield _case(good, f"{how}: {element.tag:08x}", good.map.packed(data), says="file")


def lookup_tables(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Add modality lookup tables that lie about their length."""
    natives = _explicit(goods)
    descriptors = [(0, 0, 16), (65535, 0, 16), (4, 0, 16), (4, 0, 3), (4, 0, 8), (1, 65535, 16)]
    every = list(product(natives, descriptors, [0, 2, 8, 131072]))
    draw.shuffle(every)
    for good, descriptor, length in every:
        inner = good.map.element(0x00283002, "US", struct.pack("<3H", *descriptor))
        inner += good.map.element(0x00283006, "OW", bytes(length))
        item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
        new = good.map.element(0x00283000, "SQ", item)
        name = f"table of {descriptor} in {length} bytes"
        fits = length >= (descriptor[0] or 65536) * (2 if descriptor[2] == 16 else 1)
        if not (fits and descriptor[2] in (8, 16)):
            yield _case(good, name, good.map.inserted(new, 0x00283000), pictures=())
