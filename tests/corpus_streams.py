"""Damage to compressed frames and to the fragments that hold them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

from corpus_headers import flipped
from damaged import Damaged
from element_map import encapsulated
from good_files import GoodFile

Goods = Sequence[GoodFile]
ENDS = {"jpeg": b"\xff\xd9", "jpeg-ls": b"\xff\xd9", "jpeg-2000": b"\xff\xd9"}
"""How a codestream ends, if it has an end."""
FRAME_MARKERS = (0xC0, 0xC1, 0xC2, 0xC3, 0xF7)


def with_frames(good: GoodFile, frames: Sequence[bytes], **more: object) -> bytes:
    """Put other fragments into a file; `table` and `end` as in `encapsulated`."""
    pixels, plain = good.pixels, good.data
    items = encapsulated(list(frames), **more)  # type: ignore[arg-type]
    return plain[: pixels.value] + items + plain[pixels.end :]


def _case(good: GoodFile, name: str, data: bytes, **more: object) -> Damaged:
    says = "file" if good.kind == "plain" else "stream"  # bytes that nothing can tell apart
    kept = {"pictures": (good.picture,), "tolerance": good.tolerance, "says": says, **more}
    return Damaged("", f"{good.name}: {name}", data, **kept)  # type: ignore[arg-type]


def _changed(good: GoodFile, draw: Random, name: str, change: object) -> Damaged:
    """Change one frame of a file, at an even length."""
    n = draw.randrange(len(good.frames))
    frames = list(good.frames)
    new = change(frames[n])  # type: ignore[operator]
    frames[n] = new + b"\0" * (len(new) % 2)
    return _case(good, f"frame {n + 1}, {name}", with_frames(good, frames))


def _compressed(goods: Goods) -> list[GoodFile]:
    return [good for good in goods if good.is_compressed]


def _in_turn(draw: Random, goods: Sequence[GoodFile]) -> Iterator[GoodFile]:
    """Take every transfer syntax equally often, whatever the number drawn."""
    syntaxes = sorted({good.map.syntax for good in goods})
    while syntaxes:
        for syntax in draw.sample(syntaxes, len(syntaxes)):
            yield draw.choice([good for good in goods if good.map.syntax == syntax])


def header_end(frame: bytes, kind: str) -> int:
    """Find where a codestream's header ends and its coded pixels begin."""
    if kind == "rle":
        return 64
    if kind in ("jpeg", "jpeg-ls"):
        scan = frame.find(b"\xff\xda")
        return scan + 2 + struct.unpack(">H", frame[scan + 2 : scan + 4])[0]
    if kind == "jpeg-2000":
        return frame.find(b"\xff\x93") + 2
    return 0


def one_bit(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Flip one bit of the coded pixels."""
    for good in _in_turn(draw, _compressed(goods)):

        def flip(frame: bytes, kind: str = good.kind) -> bytes:
            return flipped(frame, draw, header_end(frame, kind), len(frame) - 2, 1)

        yield _changed(good, draw, "one bit", flip)


def stream_header_bits(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Flip bits of a codestream's header."""
    for good in _in_turn(draw, [g for g in _compressed(goods) if g.kind != "plain"]):

        def flip(frame: bytes, kind: str = good.kind) -> bytes:
            return flipped(frame, draw, 0, header_end(frame, kind), draw.randint(1, 2))

        yield _changed(good, draw, "bits of its header", flip)


def cut(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Cut a codestream; the fragment is as long as what is left."""
    for good in _in_turn(draw, _compressed(goods)):
        part = draw.random()
        yield _changed(good, draw, f"cut at {part:.3f}", lambda f, p=part: f[: int(p * len(f))])


def cut_and_closed(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Cut a codestream and close it as if it were whole."""
    for good in _in_turn(draw, _compressed(goods)):
        part, end = draw.choice([0.5, 0.9, 0.99, draw.random()]), ENDS.get(good.kind, b"")

        def close(frame: bytes, part: float = part, end: bytes = end, k: str = good.kind) -> bytes:
            start = header_end(frame, k)
            return frame[: start + int(part * (len(frame) - 4 - start))] + end

        yield _changed(good, draw, f"cut at {part:.3f} and closed", close)


def cut_and_filled(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Cut a codestream and fill it to its old length, as a lost block of a disk does."""
    for good in _in_turn(draw, _compressed(goods)):
        part, fill = draw.uniform(0.3, 0.98), draw.choice([b"\0", b"\xff", b"\x55"])

        def refill(frame: bytes, part: float = part, fill: bytes = fill) -> bytes:
            at = int(part * len(frame))
            return frame[:at] + fill * (len(frame) - at)

        yield _changed(good, draw, f"cut at {part:.3f}, filled with {fill!r}", refill)


def overwritten(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Overwrite fifty bytes of the coded pixels."""
    for good in _in_turn(draw, _compressed(goods)):
        fill = draw.choice([bytes(50), b"\xff" * 50, draw.randbytes(50), b"\xaa" * 50])

        def wipe(frame: bytes, fill: bytes = fill, kind: str = good.kind) -> bytes:
            start = header_end(frame, kind)
            at = draw.randrange(start, max(start + 1, len(frame) - 54))
            return frame[:at] + fill + frame[at + 50 :]

        yield _changed(good, draw, f"50 bytes of {fill[:1].hex()}", wipe)


def bytes_lost(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Take bytes out of the coded pixels, or put some in."""
    for good in _in_turn(draw, _compressed(goods)):
        count, more = draw.choice([1, 2, 16, 40]), draw.choice([True, False])

        def shift(frame: bytes, n: int = count, more: bool = more, k: str = good.kind) -> bytes:
            start = header_end(frame, k)
            at = draw.randrange(start, max(start + 1, len(frame) - 4 - n))
            middle = draw.randbytes(n) if more else b""
            return frame[:at] + middle + frame[at + (0 if more else n) :]

        yield _changed(good, draw, f"{count} bytes {'put in' if more else 'lost'}", shift)


def spliced(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Go on with the codestream of another file of the same kind."""
    every = _compressed(goods)
    mates = {g.name: [o for o in every if o.map.syntax == g.map.syntax and o != g] for g in every}
    for good in _in_turn(draw, [good for good in every if mates[good.name]]):
        other = draw.choice(mates[good.name])
        part = draw.uniform(0.2, 0.9)

        def splice(frame: bytes, other: GoodFile = other, part: float = part) -> bytes:
            second = other.frames[-1]
            return frame[: int(part * len(frame))] + second[int(part * len(second)) :]

        yield _changed(good, draw, f"spliced at {part:.2f} with {other.name}", splice)


def appended(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put something behind a whole codestream."""
    for good in _in_turn(draw, _compressed(goods)):
        tail = draw.choice(
            [bytes(2), bytes(500), draw.randbytes(64), good.frames[0], b"\xff\xd9" * 20]
        )
        yield _changed(good, draw, f"{len(tail)} bytes more", lambda f, t=tail: f + t)


def another_picture(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put the whole codestream of another file in: another size, kind or depth."""
    every = list(product(_compressed(goods), _compressed(goods)))
    draw.shuffle(every)
    for good, other in every:
        if good != other:
            frames = list(good.frames)
            frames[0] = other.frames[-1]
            yield _case(good, f"holds a frame of {other.name}", with_frames(good, frames))


def _sized(frame: bytes, kind: str, rows: int, columns: int, precision: int, parts: int) -> bytes:
    """Rewrite what a codestream says of its size; 0 leaves a number as it is."""
    out = bytearray(frame)
    if kind == "jpeg-2000":
        at = out.find(b"\xff\x51")
        _, right, bottom = 0, *struct.unpack_from(">II", out, at + 6)
        struct.pack_into(">II", out, at + 6, columns or right, rows or bottom)
        if parts:
            struct.pack_into(">H", out, at + 38, parts)
        if precision:
            out[at + 40] = precision - 1
        return bytes(out)
    at = next(n for n in range(len(out)) if out[n] == 0xFF and out[n + 1] in FRAME_MARKERS)
    old = struct.unpack_from(">BHHB", out, at + 4)
    new = (precision or old[0], rows or old[1], columns or old[2], parts or old[3])
    struct.pack_into(">BHHB", out, at + 4, *new)
    return bytes(out)


SIZES = (
    (65535, 65535, 0, 0), (1, 1, 0, 0), (65535, 0, 0, 0), (0, 65535, 0, 0), (21, 0, 0, 0),
    (19, 0, 0, 0), (0, 1, 0, 0), (0, 0, 8, 0), (0, 0, 12, 0), (0, 0, 16, 0), (0, 0, 2, 0),
    (0, 0, 33, 0), (0, 0, 0, 3), (0, 0, 0, 4), (0, 0, 0, 255), (0, 0, 0, 2), (40000, 40000, 0, 0),
)  # fmt: skip


def size_lies(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Let a codestream say another size, depth or number of components."""
    kinds = [good for good in _compressed(goods) if good.kind in ENDS]
    every = list(product(kinds, SIZES))
    draw.shuffle(every)
    for good, size in every:
        rows, columns, precision, parts = size
        frames = [_sized(f, good.kind, rows, columns, precision, parts) for f in good.frames]
        name = f"codestream of {columns or '-'} x {rows or '-'}, {precision} bits, {parts} parts"
        yield _case(good, name, with_frames(good, frames))


def both_lie(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Let header and codestream agree on a size that was never coded."""
    kinds = [good for good in _compressed(goods) if good.kind in ENDS]
    every = list(product(kinds, [(65535, 65535), (40000, 40000), (16000, 16000), (40, 24), (1, 1)]))
    draw.shuffle(every)
    for good, (rows, columns) in every:
        frames = [_sized(f, good.kind, rows, columns, 0, 0) for f in good.frames]
        data = bytearray(with_frames(good, frames))
        for keyword, value in (("Rows", rows), ("Columns", columns)):
            element = good.map.find(keyword)
            if element is not None:
                struct.pack_into("<H", data, element.value, value)
        yield _case(good, f"both say {columns} x {rows}", bytes(data))


def jpeg_floods(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Fill JPEG streams with fill bytes, comments and tables."""
    kinds = [good for good in _compressed(goods) if good.kind in ("jpeg", "jpeg-ls")]
    stuff = {
        "a million fill bytes": b"\xff" * 1_000_000,
        "100,000 empty comments": b"\xff\xfe\x00\x02" * 100_000,
        "200 long comments": (b"\xff\xfe\xff\xff" + bytes(65533)) * 200,
        "a comment of no length": b"\xff\xfe\x00\x00",
        "a comment of one byte": b"\xff\xfe\x00\x01",
        "restart markers": b"\xff\xd0\xff\xd1" * 1000,
        "a restart interval": b"\xff\xdd\x00\x04\x00\x01",
        "a Huffman table of ones": b"\xff\xc4\x00\x14\x00" + b"\xff" * 16 + b"\0",
        "a Huffman table cut": b"\xff\xc4\x00\x13\x00" + bytes(16),
        "start of image again": b"\xff\xd8" * 3,
        "an Adobe segment": b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0\x02",
        "a number of lines": b"\xff\xdc\x00\x04\xff\xff",
    }
    every = list(product(kinds, stuff))
    draw.shuffle(every)
    for good, name in every:
        where = draw.choice(["at the start", "before the scan"])

        def flood(frame: bytes, name: str = name, where: str = where) -> bytes:
            at = 2 if where == "at the start" else frame.find(b"\xff\xda")
            return frame[:at] + stuff[name] + frame[at:]

        yield _changed(good, draw, f"{name} {where}", flood)


def many_scans(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Repeat scans, frames and headers within a JPEG."""
    kinds = [good for good in _compressed(goods) if good.kind in ("jpeg", "jpeg-ls")]
    every = list(product(kinds, ["scan twice", "500 scans", "frame header twice", "progressive",
                                 "arithmetic", "no scan", "no frame header"]))  # fmt: skip
    draw.shuffle(every)
    for good, how in every:

        def change(frame: bytes, how: str = how) -> bytes:
            scan = frame.find(b"\xff\xda")
            at = next(n for n in range(len(frame)) if frame[n] == 0xFF and frame[n + 1]
                      in FRAME_MARKERS)  # fmt: skip
            end = at + 2 + struct.unpack(">H", frame[at + 2 : at + 4])[0]
            return {
                "scan twice": frame[:-2] + frame[scan:],
                "500 scans": frame[:-2] + frame[scan:-2] * 500 + b"\xff\xd9",
                "frame header twice": frame[:end] + frame[at:],
                "progressive": frame[: at + 1] + b"\xc2" + frame[at + 2 :],
                "arithmetic": frame[: at + 1] + b"\xc9" + frame[at + 2 :],
                "no scan": frame[:scan] + b"\xff\xd9",
                "no frame header": frame[:at] + frame[end:],
            }[how]

        yield _changed(good, draw, how, change)


def jpeg_2000_absurd(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Give JPEG 2000 streams absurd tiles, components, levels and layers."""
    kinds = [good for good in _compressed(goods) if good.kind == "jpeg-2000"]
    tiny = {"tiles of 1 x 1": (22, ">II", (1, 1)), "tiles of 0": (22, ">II", (0, 0)),
            "tiles of 4 G": (22, ">II", (0xFFFFFFFF, 0xFFFFFFFF)),
            "offset beyond": (14, ">II", (1000, 1000)), "16384 components": (38, ">H", (16384,)),
            "no component": (38, ">H", (0,)), "subsampled 255": (41, ">BB", (255, 255)),
            "subsampled 0": (41, ">BB", (0, 0)), "other capabilities": (4, ">H", (0xFFFF,)),
            "segment of no length": (2, ">H", (0,)), "size of 4 G": (6, ">II", (0xFFFFFFFF,) * 2),
            "38 bits": (40, ">B", (37,)), "128 bits": (40, ">B", (127,))}  # fmt: skip
    levels = {"255 levels": (7, ">B", (255,)), "65535 layers": (5, ">H", (65535,)),
              "33 levels": (7, ">B", (33,)), "code blocks of 2^64": (8, ">BB", (62, 62)),
              "other progression": (4, ">B", (9,)), "no wavelet": (11, ">B", (7,))}  # fmt: skip
    every = [(g, b"\xff\x51", tiny, name) for g in kinds for name in tiny]
    every += [(g, b"\xff\x52", levels, name) for g in kinds for name in levels]
    every += [(g, b"\xff\x90", TILE_PARTS, name) for g in kinds for name in TILE_PARTS]
    draw.shuffle(every)
    for good, marker, table, name in every:
        offset, form, values = table[name]

        def change(
            frame: bytes, m: bytes = marker, o: int = offset, f: str = form, v: tuple = values
        ) -> bytes:
            out = bytearray(frame)
            struct.pack_into(f, out, out.find(m) + o, *v)
            return bytes(out)

        yield _changed(good, draw, name, change)


TILE_PARTS = {
    "tile 65535": (4, ">H", (65535,)), "tile part of no length": (6, ">I", (0,)),
    "tile part of 14 bytes": (6, ">I", (14,)), "tile part of 4 G": (6, ">I", (0xFFFFFFFF,)),
    "tile part 255 of 255": (10, ">BB", (255, 255)), "tile part 1 of 0": (10, ">BB", (1, 0)),
}  # fmt: skip


def run_length_lies(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Let RLE headers lie about their segments."""
    kinds = [good for good in _compressed(goods) if good.kind == "rle"]
    lies = {
        "no segment": lambda h: [0, *h[1:]],
        "one segment": lambda h: [1, *h[1:]],
        "fifteen segments": lambda h: [15, *h[1:]],
        "4 G segments": lambda h: [0xFFFFFFFF, *h[1:]],
        "swapped": lambda h: [h[0], h[2], h[1], *h[3:]],
        "both the first": lambda h: [h[0], h[1], h[1], *h[3:]],
        "second later": lambda h: [h[0], h[1], h[2] + 6, *h[3:]],
        "second earlier": lambda h: [h[0], h[1], h[2] - 6, *h[3:]],
        "beyond": lambda h: [h[0], h[1], 0xFFFFFFF0, *h[3:]],
        "in the header": lambda h: [h[0], 0, *h[2:]],
        "a third offset": lambda h: [*h[:3], h[2] + 8, *h[4:]],
        "all ones": lambda h: [0xFFFFFFFF] * 16,
    }
    every = list(product(kinds, lies))
    draw.shuffle(every)
    for good, name in every:

        def lie(frame: bytes, name: str = name) -> bytes:
            header = list(struct.unpack("<16I", frame[:64]))
            return struct.pack("<16I", *lies[name](header)) + frame[64:]

        yield _changed(good, draw, name, lie)


def fragment_lies(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Break the items that hold the codestreams; the codestreams are as they were."""
    while True:
        good = draw.choice(_compressed(goods))
        name = draw.choice(sorted(FRAGMENTS))
        yield _case(good, name, FRAGMENTS[name](good, draw))


def _length_of_first(good: GoodFile, length: int) -> bytes:
    data = bytearray(good.data)
    table = struct.unpack_from("<I", data, good.pixels.value + 4)[0]
    struct.pack_into("<I", data, good.pixels.value + 8 + table + 4, length)
    return bytes(data)


def _in_pieces(frame: bytes, count: int) -> list[bytes]:
    step = max(2, len(frame) // count // 2 * 2)
    return [frame[at : at + step] for at in range(0, len(frame), step)]


def _pixels_replaced(good: GoodFile, items: bytes) -> bytes:
    return good.data[: good.pixels.value] + items + good.data[good.pixels.end :]


FRAGMENTS = {
    "a length past the end": lambda g, d: _length_of_first(g, len(g.data)),
    "a length of 4 GB": lambda g, d: _length_of_first(g, 0xFFFFFFFF),
    "a length of 0": lambda g, d: _length_of_first(g, 0),
    "a length 2 less": lambda g, d: _length_of_first(g, len(g.frames[0]) - 2),
    "a length 8 more": lambda g, d: _length_of_first(g, len(g.frames[0]) + 8),
    "an odd length": lambda g, d: _length_of_first(g, len(g.frames[0]) - 1),
    "no delimiter": lambda g, d: with_frames(g, g.frames, end=False),
    "two delimiters": lambda g, d: with_frames(g, g.frames) + b"\xfe\xff\xdd\xe0\0\0\0\0",
    "no table": lambda g, d: _pixels_replaced(g, encapsulated(list(g.frames))[8:]),
    "no items": lambda g, d: _pixels_replaced(g, b"\xfe\xff\xdd\xe0\0\0\0\0"),
    "only a table": lambda g, d: with_frames(g, []),
    "an empty fragment first": lambda g, d: with_frames(g, [b"", *g.frames]),
    "an empty fragment last": lambda g, d: with_frames(g, [*g.frames, b""]),
    "100,000 empty fragments": lambda g, d: with_frames(g, [*g.frames, *[b""] * 100_000]),
    "2 million empty fragments": lambda g, d: _pixels_replaced(
        g, encapsulated(list(g.frames), end=False) + b"\xfe\xff\x00\xe0\0\0\0\0" * 2_000_000
    ),
    "in five pieces": lambda g, d: with_frames(g, [p for f in g.frames for p in _in_pieces(f, 5)]),
    "in pieces of two bytes": lambda g, d: with_frames(
        g, [p for f in g.frames for p in _in_pieces(f, len(f))]
    ),
    "the first piece lost": lambda g, d: with_frames(g, _in_pieces(g.frames[0], 5)[1:]),
    "a middle piece lost": lambda g, d: with_frames(
        g, [p for n, p in enumerate(_in_pieces(g.frames[0], 5)) if n != 2]
    ),
    "a piece twice": lambda g, d: with_frames(g, [*_in_pieces(g.frames[0], 2)[:1], *g.frames]),
    "a frame more": lambda g, d: with_frames(g, [*g.frames, g.frames[0]]),
    "a frame fewer": lambda g, d: with_frames(g, g.frames[:-1]),
    "frames backwards": lambda g, d: with_frames(g, g.frames[::-1]),
    "an item of another tag": lambda g, d: g.data.replace(b"\xfe\xff\x00\xe0", b"\xfe\xff\x01\xe0"),
    "a sequence in the fragments": lambda g, d: with_frames(
        g, [b"\xfe\xff\x00\xe0" + bytes(4) + g.frames[0]]
    ),
    "defined length": lambda g, d: _defined_length(g),
}


def _defined_length(good: GoodFile) -> bytes:
    data = bytearray(good.data)
    struct.pack_into("<I", data, good.pixels.value - 4, good.pixels.end - good.pixels.value)
    return bytes(data)


def offset_tables(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Let the basic offset table lie, with one fragment a frame or several."""
    tables = ("right", "one short", "one long", "backwards", "all zero", "beyond", "odd", "shifted",
              "three bytes", "4 GB")  # fmt: skip
    fitting = _compressed(goods)
    while True:
        good, how = draw.choice(fitting), draw.choice(tables)
        pieces = draw.choice([1, 2, 3])
        parts = [_in_pieces(frame, pieces) for frame in good.frames]
        starts, at = [], 0
        for frame in parts:
            starts.append(at)
            at += sum(8 + len(piece) for piece in frame)
        told = {
            "right": starts, "one short": starts[:-1], "one long": [*starts, at],
            "backwards": starts[::-1], "all zero": [0] * len(starts),
            "odd": [s + 1 for s in starts], "shifted": [s + 8 for s in starts],
            "beyond": [s + 0x7FFFFFF0 for s in starts],
        }.get(how, starts)  # fmt: skip
        table = struct.pack(f"<{len(told)}I", *told)
        table = table[:3] if how == "three bytes" else table
        data = with_frames(good, [p for frame in parts for p in frame], table=table)
        if how == "4 GB":
            data = bytearray(data)
            struct.pack_into("<I", data, good.pixels.value + 4, 0xFFFFFFF0)
        name = f"table {how}, {pieces} pieces a frame"
        yield _case(good, name, bytes(data))
