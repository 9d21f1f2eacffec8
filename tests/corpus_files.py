"""Files that are no DICOM, or whose beginning or end is not as it should be."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

from corpus_headers import claiming
from damaged import Damaged
from element_map import DEFLATED
from good_files import GoodFile

Goods = Sequence[GoodFile]
PREAMBLE = bytes(128) + b"DICM"


def _case(good: GoodFile, name: str, data: bytes, **more: object) -> Damaged:
    kept = {"pictures": (good.picture,), "tolerance": good.tolerance, **more}
    return Damaged("", f"{good.name}: {name}", data, **kept)  # type: ignore[arg-type]


def other_files(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Files of other kinds, some under a preamble."""
    good = draw.choice(goods)
    inside = good.data
    noise = draw.randbytes(5000)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 13, b"IHDR") + noise[:500]
    kinds = {
        "empty": b"",
        "one byte": b"\x08",
        "131 bytes": bytes(131),
        "preamble": bytes(128),
        "preamble and DICM": PREAMBLE,
        "DICM only": b"DICM",
        "DICM, noise": PREAMBLE + noise,
        "noise": noise,
        "zeros": bytes(100_000),
        "ones": b"\xff" * 100_000,
        "text": b"Dear colleague, please find attached the images.\n" * 50,
        "UTF-16 text": "영상\n".encode("utf-16") * 500,
        "ELF": b"\x7fELF\x02\x01\x01" + noise,
        "DOS program": b"MZ" + noise,
        "PNG": png,
        "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + noise,
        "GIF": b"GIF89a" + noise,
        "TIFF": b"II*\0" + noise,
        "PDF": b"%PDF-1.7\n" + noise,
        "gzip": gzip.compress(inside, mtime=0),
        "bzip2": bz2.compress(inside),
        "zip": _zip(inside),
        "tar": _tar(inside),
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "XML bomb": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">]><a>&b;</a>',
        "SQLite": b"SQLite format 3\0" + noise,
        "pickle": b"\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93.",
        "AppleDouble": b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + noise[:200],
        "ACR-NEMA": b"\x08\0\0\0\x04\0\0\0\x10\0\0\0\x08\0\x10\0\x0c\0\0\0ACR-NEMA 2.0",
        "NIfTI": struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(100),
        "HDF5": b"\x89HDF\r\n\x1a\n" + noise,
        "group 2 only": PREAMBLE + b"\x02\0\0\0UL\x04\0\0\0\0\0",
        "group 2, then noise": PREAMBLE + b"\x02\0\x10\0UI\x12\0001.2.840.10008.1.2\0" + noise,
        "first tag only": b"\x08\0\x05\0CS\x0a\0ISO_IR 100",
    }
    for name in draw.sample(sorted(kinds), len(kinds)):
        if name in ARCHIVED:  # may be read in place
            yield _case(good, name, kinds[name])
        else:
            yield Damaged("", name, kinds[name])
        if kinds[name] and not kinds[name].startswith(PREAMBLE):
            yield Damaged("", f"{name}, under a preamble", PREAMBLE + kinds[name])


ARCHIVED = ("gzip", "bzip2", "zip", "tar")


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("../../I0001.dcm"), data)  # without a time
    return out.getvalue()


def _tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("/etc/I0001.dcm")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def beginnings(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Change the preamble and the word behind it."""
    every = list(product(goods, range(8)))
    draw.shuffle(every)
    for good, how in every:
        body = good.data[132:]
        changed = (
            ("a preamble of text", b"#!/bin/sh\n".ljust(128, b"x") + b"DICM" + body),
            ("no DICM", bytes(128) + bytes(4) + body),
            ("dicm", bytes(128) + b"dicm" + body),
            ("no preamble", body),
            ("no file meta information", good.data[good.map.body :]),
            ("preamble twice", PREAMBLE + good.data),
            ("one byte more", b"\0" + good.data),
            ("TIFF in the preamble", b"II*\0\x08\0\0\0".ljust(128, b"\0") + b"DICM" + body),
        )[how]
        yield _case(good, *changed)


def endings(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put something behind the end."""
    every = list(product(goods, range(7)))
    draw.shuffle(every)
    for good, how in every:
        tail = (
            ("a zero", b"\0"),
            ("4096 zeros", bytes(4096)),
            ("noise", draw.randbytes(777)),
            ("another file", draw.choice(goods).data),
            ("a delimiter", b"\xfe\xff\xdd\xe0\0\0\0\0"),
            ("padding", b"\xfc\xff\xfc\xff\0\0\0\0"),
            ("an element cut short", b"\xfc\xff\xfc\xffOB\0\0\xff\xff\xff\x7f"),
        )[how]
        yield _case(good, f"{tail[0]} behind the end", good.data + tail[1])


def file_metas(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Change the file meta information as a whole."""
    every = list(product(goods, range(9)))
    draw.shuffle(every)
    for good, how in every:
        syntax = next(e for e in good.map.elements if e.tag == 0x00020010)
        raw, at = good.data, syntax.start
        long = b"\x02\0\x02\x01OB\0\0"
        changed = (
            ("no transfer syntax", raw[:at] + raw[syntax.end :]),
            ("transfer syntax twice", raw[: syntax.end] + raw[at : syntax.end] + raw[syntax.end :]),
            ("two transfer syntaxes", claiming(good, "1.2.3")[: syntax.end] + raw[at:]),
            ("16 MB long", raw[: syntax.end] + long + struct.pack("<I", 2**24) + bytes(2**24)
             + raw[syntax.end :]),
            ("claims 4 GB", raw[: syntax.end] + long + b"\xf0\xff\xff\xff" + raw[syntax.end :]),
            ("no length", raw[: syntax.end] + long + b"\xff\xff\xff\xff" + raw[syntax.end :]),
            ("a million elements", raw[: syntax.end] + b"\x02\0\x16\0AE\0\0" * 1_000_000
             + raw[syntax.end :]),
            ("group length 0", raw[:140] + bytes(4) + raw[144:]),
            ("group length of 4 GB", raw[:140] + b"\xff\xff\xff\xff" + raw[144:]),
        )[how]  # fmt: skip
        yield _case(good, *changed)


def deflate_bombs(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Deflated data sets that swell a thousandfold: a private element, or the pixels."""
    good = next(g for g in goods if g.map.syntax == DEFLATED)
    sizes = [300, 520, 700, 2_000, 10_240]
    for megabytes, where in product(draw.sample(sizes, len(sizes)), ["private", "pixels", "tail"]):
        data = _bomb(good, megabytes, where)
        yield _case(good, f"deflated {megabytes} MB in {where}", data)


def _bomb(good: GoodFile, megabytes: int, where: str) -> bytes:
    plain, pixels = good.map.data, good.pixels
    claimed = min(megabytes * 2**20, 0xFFFFFFF0)
    at, head = {
        "private": (pixels.start, b"\x09\x60\x01\x10OB\0\0" + struct.pack("<I", claimed)),
        "pixels": (pixels.start, b"\xe0\x7f\x10\0OW\0\0" + struct.pack("<I", claimed)),
        "tail": (pixels.end, b""),
    }[where]
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    start = deflater.compress(plain[good.map.body : at] + head)
    start += deflater.flush(zlib.Z_FULL_FLUSH)
    zeros = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = zeros.compress(bytes(2**20)) + zeros.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    end = last.compress(plain[at:]) + last.flush()
    return plain[: good.map.body] + start + block * megabytes + end


def deflate_garbage(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Claim that what follows is deflated."""
    while True:
        good = draw.choice(goods)
        meta = claiming(good, DEFLATED)
        meta = meta[: len(meta) - (len(good.data) - good.map.body)]
        body = draw.choice(
            [draw.randbytes(3000), b"", b"\0", b"\x03\0", zlib.compress(good.data[good.map.body :]),
             gzip.compress(good.data[good.map.body :], mtime=0), b"\x04" * 2000]
        )  # fmt: skip
        yield _case(good, f"{len(body)} bytes of garbage as deflated", meta + body)
