"""Small picture files of every kind the decoders claim to read, made from seeded pixels.

Pillow writes what it can; the rest (Adam7, 4:4:0, YCCK, odd bit depths) is encoded or patched here.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

SIZES = ((1, 1), (1, 9), (7, 1), (8, 8), (17, 33), (61, 47))  # width, height
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def all_variants(seed: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file; the name starts with its group: jpeg, png, pnm, npy or other."""
    rng = np.random.default_rng(seed)
    yield from jpeg_variants(rng)
    yield from png_variants(rng)
    yield from pnm_variants(rng)
    yield from npy_variants(rng)
    yield "other-empty", b""
    yield "other-text", b"no picture at all\n"
    yield "other-gif", _save(Image.fromarray(structured(rng, 9, 9)), "GIF")


def structured(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Gradients, edges, fine lines and a patch of noise."""
    y, x = np.mgrid[0:height, 0:width]
    red = x * 255 // max(width - 1, 1)
    green = np.where((x // 5 + y // 7) % 2 == 0, 230, 20)
    blue = (y * 255 // max(height - 1, 1)) ^ np.where(x % 3 == 0, 0x55, 0)
    pixels = np.stack([red, green, blue], axis=-1).astype(np.uint8)
    patch = pixels[height // 3 :, width // 2 :]
    patch[:] = rng.integers(0, 256, patch.shape, dtype=np.uint8)
    return pixels


def noise(rng: np.random.Generator, width: int, height: int) -> Pixels:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


# JPEG ------------------------------------------------------------------------------------------------


def jpeg_variants(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for width, height in SIZES:
        size = f"{width}x{height}"
        image = Image.fromarray(structured(rng, width, height))
        for subsampling in (0, 1, 2):
            for progressive in (False, True):
                name = f"jpeg-{size}-sub{subsampling}{'-progressive' if progressive else ''}"
                yield name, _save(image, "JPEG", subsampling=subsampling, progressive=progressive, quality=90)
        for progressive in (False, True):
            tail = f"{size}{'-progressive' if progressive else ''}"
            yield f"jpeg-grey-{tail}", _save(image.convert("L"), "JPEG", progressive=progressive)
            yield f"jpeg-rgb-{tail}", _save(image, "JPEG", keep_rgb=True, progressive=progressive)
            cmyk = _save(_cmyk(rng, width, height), "JPEG", progressive=progressive)
            yield f"jpeg-cmyk-{tail}", cmyk
            yield f"jpeg-ycck-{tail}", _with_adobe(cmyk, 2)
            yield f"jpeg-cmyk-no-adobe-{tail}", _with_adobe(cmyk, None)
        yield f"jpeg-restart-{size}", _save(image, "JPEG", restart_marker_blocks=2)
    for sampling, source, wide, high in ((0x12, 1, 8, 16), (0x41, 2, 32, 8), (0x14, 2, 8, 32)):
        for cut in (0, 1, 5):
            name = f"jpeg-sampling-{sampling:02x}-cut{cut}"
            yield name, _resampled(rng, sampling, source, wide, high, cut)
    image = Image.fromarray(structured(rng, 61, 47))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotated
    plain = _save(image, "JPEG")
    yield "jpeg-exif-orientation", _save(image, "JPEG", exif=exif)
    yield "jpeg-icc-comment", _save(image, "JPEG", icc_profile=bytes(range(256)) * 300, comment=b"x" * 999)
    yield "jpeg-quality1", _save(image, "JPEG", quality=1)
    yield "jpeg-quality100", _save(image, "JPEG", quality=100, subsampling=2, optimize=True)
    yield "jpeg-adobe-ycc", plain[:2] + _adobe_segment(1) + plain[2:]
    yield "jpeg-adobe-rgb", plain[:2] + _adobe_segment(0) + plain[2:]
    yield "jpeg-no-jfif", plain[:2] + plain[20:]
    yield "jpeg-padded-marker", plain[:2] + b"\xff\xff\xff" + plain[2:]
    yield "jpeg-trailing-garbage", plain + bytes(range(256)) * 5
    yield "jpeg-two-pictures", plain + plain
    yield "jpeg-no-end-marker", plain[:-2]
    yield "jpeg-header-only", plain[: plain.index(b"\xff\xda")]
    yield "jpeg-large", _save(Image.fromarray(structured(rng, 801, 603)), "JPEG", subsampling=2)
    yield "jpeg-large-progressive", _save(Image.fromarray(noise(rng, 403, 301)), "JPEG", progressive=True)


def large_jpegs(seed: int) -> Iterator[tuple[str, bytes]]:
    """Of sizes that no block divides, in every colour space, and large enough for an eighth of their size."""
    rng = np.random.default_rng(seed)
    for width, height in ((801, 603), (1023, 257), (263, 1001)):
        image = Image.fromarray(structured(rng, width, height))
        cmyk = _save(_cmyk(rng, width, height), "JPEG")
        tail = f"{width}x{height}"
        for subsampling in (0, 1, 2):
            for progressive in (False, True):
                name = f"jpeg-large-{tail}-sub{subsampling}{'-progressive' if progressive else ''}"
                yield name, _save(image, "JPEG", subsampling=subsampling, progressive=progressive)
        yield f"jpeg-large-grey-{tail}", _save(image.convert("L"), "JPEG")
        yield f"jpeg-large-rgb-{tail}", _save(image, "JPEG", keep_rgb=True)
        yield f"jpeg-large-cmyk-{tail}", cmyk
        yield f"jpeg-large-ycck-{tail}", _with_adobe(cmyk, 2)


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _cmyk(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    pixels = np.dstack([structured(rng, width, height), noise(rng, width, height)[..., 0]])
    return Image.frombytes("CMYK", (width, height), pixels.tobytes())


def _adobe_segment(transform: int) -> bytes:
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])


def _with_adobe(jpeg: bytes, transform: int | None) -> bytes:
    """The file with another transform in its Adobe segment, or without the segment."""
    start = jpeg.index(b"\xff\xee\x00\x0eAdobe")
    segment = b"" if transform is None else _adobe_segment(transform)
    return jpeg[:start] + segment + jpeg[start + 16 :]


def _resampled(rng: np.random.Generator, sampling: int, source: int, wide: int, high: int, cut: int) -> bytes:
    """A file whose luma sampling is patched to one that Pillow cannot write.

    The entropy-coded data stays valid where the number of MCUs and of blocks in each stays.
    """
    across, down = 5, 4
    mcu = {1: (16, 8), 2: (16, 16)}[source]
    image = Image.fromarray(structured(rng, across * mcu[0], down * mcu[1]))
    data = bytearray(_save(image, "JPEG", subsampling=source))
    frame = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, down * high - cut, across * wide - cut)
    data[frame + 11] = sampling
    return bytes(data)


# PNG -------------------------------------------------------------------------------------------------


def png_variants(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for color, depths in PNG_DEPTHS.items():
        for depth in depths:
            for interlaced in (False, True):
                for width, height in (*SIZES, (3, 5), (5, 3), (130, 70)):
                    name = f"png-color{color}-depth{depth}-{width}x{height}{'-adam7' if interlaced else ''}"
                    yield name, _png(rng, width, height, color, depth, interlaced)
    for interlaced in (False, True):
        tail = "-adam7" if interlaced else ""
        for depth in (1, 2, 4, 8):
            for entries in (1, 2, 3, 200):
                if entries <= 1 << depth:
                    name = f"png-short-palette-{entries}-depth{depth}{tail}"
                    yield name, _png(rng, 21, 13, 3, depth, interlaced, entries=entries)
            yield (
                f"png-trns-palette-depth{depth}{tail}",
                _png(rng, 21, 13, 3, depth, interlaced, (b"tRNS", bytes([0, 128][: 1 << depth]))),
            )
        yield (
            f"png-trns-one-palette-entry{tail}",
            _png(rng, 9, 9, 3, 8, interlaced, (b"tRNS", b"\xff\x00\xff")),
        )
        for depth in PNG_DEPTHS[0]:
            name = f"png-trns-grey-depth{depth}{tail}"
            yield name, _png(rng, 21, 13, 0, depth, interlaced, (b"tRNS", b"\x00\x01"))
        for depth in PNG_DEPTHS[2]:
            name = f"png-trns-rgb-depth{depth}{tail}"
            yield name, _png(rng, 21, 13, 2, depth, interlaced, (b"tRNS", bytes(range(6))))
    extras = {
        "gamma": (b"gAMA", struct.pack(">I", 100000)),
        "srgb": (b"sRGB", b"\x00"),
        "sbit": (b"sBIT", b"\x05\x06\x05"),
        "background": (b"bKGD", bytes(6)),
        "chromaticities": (
            b"cHRM",
            struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
        ),
        "text": (b"tEXt", b"Comment\x00hello"),
        "private": (b"prVt", b"anything"),
        "bad-icc": (b"iCCP", b"name\x00\x00" + zlib.compress(b"no profile")),
    }
    for label, chunk in extras.items():
        yield f"png-{label}", _png(rng, 21, 13, 2, 8, False, chunk)
    plain = _png(rng, 61, 47, 2, 8, False)
    yield "png-trailing-garbage", plain + bytes(range(256))
    yield "png-no-end-chunk", plain[:-12]
    yield "png-bad-data-checksum", _broken_checksum(plain)
    yield "png-bad-adler", _png(rng, 21, 13, 2, 8, False, adler=False)
    yield from _pillow_pngs(rng)


def _pillow_pngs(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(structured(rng, 61, 47))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield f"png-pillow-{mode.replace(';', '-')}", _save(image.convert(mode), "PNG")
    wide = rng.integers(0, 65536, (47, 61), dtype=np.uint16)
    wide[:20] //= 256
    yield "png-pillow-16", _save(Image.fromarray(wide), "PNG")
    for bits in (1, 2, 4, 8):
        quantized = image.quantize(1 << bits)
        yield f"png-pillow-bits{bits}", _save(quantized, "PNG", bits=bits)
        yield f"png-pillow-bits{bits}-trns", _save(quantized, "PNG", bits=bits, transparency=1)
    yield "png-pillow-trns", _save(image, "PNG", transparency=(0, 230, 0), optimize=True)
    yield (
        "png-pillow-animated",
        _save(image, "PNG", save_all=True, append_images=[Image.fromarray(noise(rng, 61, 47))]),
    )


def _png(
    rng: np.random.Generator,
    width: int,
    height: int,
    color: int,
    depth: int,
    interlaced: bool,
    *extra: tuple[bytes, bytes],
    entries: int = 0,
    adler: bool = True,
) -> bytes:
    """A PNG of random samples with a random filter on each row; `entries` > 0: a palette of that many."""
    samples = rng.integers(0, 1 << depth, (height, width, PNG_CHANNELS[color]), dtype=np.uint16)
    samples[height // 2 :] //= 2
    if color == 0 and depth == 16:
        samples[::2] //= 256  # so that some fit 8 bits
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [samples[top::down, left::across] for top, left, down, across in passes]
    raw = b"".join(_filtered(rng, part, depth) for part in parts)
    packed = zlib.compress(raw, 6)
    if not adler:
        packed = packed[:-4] + bytes(4)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced)))]
    if color == 3:
        chunks.append((b"PLTE", rng.bytes(3 * (entries or 1 << depth))))
    chunks += extra
    third = len(packed) // 3
    chunks += [(b"IDAT", packed[:third]), (b"IDAT", b""), (b"IDAT", packed[third:]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _broken_checksum(png: bytes) -> bytes:
    end = png.rindex(b"IEND") - 4
    return png[: end - 4] + bytes(4) + png[end:]


def _filtered(rng: np.random.Generator, samples: npt.NDArray[np.uint16], depth: int) -> bytes:
    """The rows of one pass, each with one of the five filters."""
    height, width, channels = samples.shape
    if height == 0 or width == 0:
        return b""
    if depth == 16:
        rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    elif depth == 8:
        rows = samples.astype(np.uint8).reshape(height, -1)
    else:
        bits = (samples.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
        rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    step = max(channels * depth // 8, 1)
    before = np.zeros(rows.shape[1], np.int64)
    out = bytearray()
    for row in rows.astype(np.int64):
        kind = int(rng.integers(0, 5))
        left = np.concatenate([np.zeros(step, np.int64), row])[: len(row)]
        corner = np.concatenate([np.zeros(step, np.int64), before])[: len(row)]
        guess = left + before - corner
        far = [np.abs(guess - other) for other in (left, before, corner)]
        paeth = np.where(
            (far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], before, corner)
        )
        prediction = (np.zeros_like(row), left, before, (left + before) // 2, paeth)[kind]
        out.append(kind)
        out += ((row - prediction) % 256).astype(np.uint8).tobytes()
        before = row
    return bytes(out)


# PPM and .npy ----------------------------------------------------------------------------------------


def pnm_variants(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for width, height in SIZES:
        for maxval in (1, 2, 100, 254, 255, 256, 1000, 65534, 65535):
            kind = np.uint8 if maxval < 256 else np.dtype(">u2")
            for magic, channels in (("5", 1), ("6", 3)):
                values = rng.integers(0, maxval + 1, (height, width, channels))
                values[height // 2 :] = np.minimum(values[height // 2 :], 300)
                head = f"P{magic}\n{width} {height}\n{maxval}\n".encode()
                yield f"pnm-P{magic}-{width}x{height}-{maxval}", head + values.astype(kind).tobytes()
                plain = f"P{int(magic) - 3} {width}\t{height}\n{maxval}\n" + " ".join(map(str, values.flat))
                yield f"pnm-P{int(magic) - 3}-{width}x{height}-{maxval}", plain.encode() + b"\n"
    yield "pnm-above-maxval", b"P6\n2 1\n100\n" + bytes([99, 100, 101, 150, 200, 255])
    yield "pnm-wide-above-maxval", b"P6\n1 1\n1000\n" + struct.pack(">HHH", 999, 1001, 65535)
    yield "pnm-comments", b"P6 # a\n# b\n2\n# c\n1 2#joined\n55\n" + bytes(range(6))
    yield "pnm-plain-comments", b"P2\n3 1\n255\n1 2#joined\n3 # x\n 4\n"
    yield "pnm-plain-above-maxval", b"P2\n1 1\n100\n101\n"
    yield "pnm-plain-truncated", b"P3\n2 1\n255\n1 2 3 4 5"
    yield "pnm-plain-no-end", b"P3\n2 1\n255\n1 2 3 4 5 6"
    yield "pnm-plain-not-a-number", b"P2\n2 1\n255\n1 x\n"
    yield "pnm-maxval-0", b"P5\n1 1\n0\n\x00"
    yield "pnm-maxval-65536", b"P5\n1 1\n65536\n\x00\x00"
    yield "pnm-empty-side", b"P5\n0 1\n255\n"
    yield "pnm-long-token", b"P5\n12345678901 1\n255\n\x00"
    yield "pnm-truncated", b"P6\n2 2\n255\n" + bytes(11)
    yield "pnm-trailing", b"P6\n1 1\n255\n" + bytes(range(99))


def npy_variants(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for width, height in SIZES:
        for shape in ((height, width, 3), (height, width)):
            out = io.BytesIO()
            np.save(out, rng.integers(0, 256, shape, dtype=np.uint8))
            yield f"npy-{'x'.join(map(str, shape))}", out.getvalue()
