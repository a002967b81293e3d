"""Picture files that claim more than they hold, or cost more than a picture may."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIDE = 13000
"""169 million pixels: just below the limit, 507 MB as RGB."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Liar:
    """A file, and what its refusal says; empty: its pixels are taken, with no more memory than they need."""

    name: str
    data: bytes
    says: str


def liars() -> Iterator[Liar]:
    yield from pngs()
    yield from jpegs()
    yield from others()


def pngs() -> Iterator[Liar]:
    for kind in (b"tEXt", b"zTXt", b"iTXt", b"sPLT", b"iCCP", b"eXIf", b"acTL", b"tRNS", b"hIST", b"prVt"):
        data = SIGNATURE + ihdr(2, 1) + struct.pack(">I", 0x7FFFFFFF) + kind + b"abc"
        yield Liar(name=f"claims_2gb_{kind.decode()}.png", data=data, says="truncated PNG")
    packed = zlib.compress(bytes(7_900_000), 9)
    pixels = chunk(b"IDAT", zlib.compress(b"\0abc")) + chunk(b"IEND", b"")
    for kind, head in ((b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"iCCP", b"k\0\0")):
        texts = chunk(kind, head + packed) * 100
        yield Liar(
            name=f"unpacks_790mb_{kind.decode()}.png",
            data=SIGNATURE + ihdr(1, 1) + texts + pixels,
            says="",
        )
    empty = chunk(b"IDAT", zlib.compress(bytes(100)))
    padding = chunk(b"tEXt", b"k\0" + bytes(2_000_000))
    yield Liar(name="padded.png", data=SIGNATURE + ihdr(SIDE, SIDE) + padding + empty, says="truncated PNG")
    rows = chunk(b"IDAT", zlib.compress(bytes(22_000_000), 9))
    tall = SIGNATURE + ihdr(1, 178_000_000, depth=1, colour=0) + rows
    yield Liar(name="tall.png", data=tall, says="truncated PNG")
    wide = SIGNATURE + ihdr(178_000_000, 1, depth=16, colour=6) + empty
    yield Liar(name="wide.png", data=wide, says="truncated PNG")


def jpegs() -> Iterator[Liar]:
    yield Liar(name="tiny.jpg", data=jpeg(SIDE, scans=1, progressive=False), says="cannot hold")
    yield Liar(name="tiny_100_scans.jpg", data=jpeg(SIDE, scans=100), says="cannot hold")
    paid = jpeg(1000, scans=100, data=bytes(1000 * 1000 // 64 // 8 + 100))
    yield Liar(name="100_scans.jpg", data=paid, says="max_scans")
    yield Liar(name="large.jpg", data=jpeg(65000, scans=1), says="limit is 178956970")


def others() -> Iterator[Liar]:
    yield Liar(name="large.ppm", data=b"P6\n%d %d\n255\nabc" % (SIDE, SIDE), says="truncated")
    yield Liar(name="plain.ppm", data=b"P3\n%d %d\n255\n1 2 3" % (SIDE, SIDE), says="truncated")
    yield Liar(name="comment.pgm", data=b"P5\n#" + b"x" * 1_000_000, says="no size")
    yield Liar(name="digits.ppm", data=b"P6\n9999999999 9999999999\n255\n", says="limit is 178956970")
    shape = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, 3), }" % (SIDE, SIDE)
    npy = b"\x93NUMPY\1\0" + struct.pack("<H", len(shape)) + shape + b"abc"
    yield Liar(name="large.npy", data=npy, says="truncated")
    yield Liar(name="head.npy", data=b"\x93NUMPY\2\0\xff\xff\xff\xff" + shape, says="claims")
    yield Liar(name="empty.png", data=b"", says="the file is empty")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ihdr(width: int, height: int, *, depth: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def jpeg(side: int, *, scans: int, progressive: bool = True, data: bytes = b"") -> bytes:
    """Grey, with Huffman codes of one symbol: a bit for each block of its first scan, less behind it."""
    out = b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64
    out += (
        (b"\xff\xc2" if progressive else b"\xff\xc0")
        + struct.pack(">HBHHB", 11, 8, side, side, 1)
        + b"\1\x11\0"
    )
    for kind, symbol in ((0x00, 0x00), (0x10, 0xE0)):
        out += b"\xff\xc4\0\x14" + bytes([kind, 1, *[0] * 15, symbol])
    first = (0, 0) if progressive else (0, 63)
    out += _scan(*first) + data
    for i in range(1, scans):
        out += _scan(1 + i % 63, 1 + i % 63) + b"\0"
    return out + b"\xff\xd9"


def _scan(first: int, last: int) -> bytes:
    return b"\xff\xda\0\x08\1\1\0" + bytes([first, last, 0])
