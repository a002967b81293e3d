"""Packing and unpacking TensorRT, rehearsed with a wheel of made-up libraries."""

from __future__ import annotations

import random
import shutil
import zipfile
from pathlib import Path

import pack_tensorrt

from .projects import Failed

_PART = 100 << 10
_NOISE = 250_000
"""Bytes of one library that do not become fewer, so that there is more than one part."""


def packing(work: Path) -> str:
    """Packs, carries part by part, unpacks and compares every byte; what was done. Raises Failed."""
    folder = work / "packing"
    shutil.rmtree(folder, ignore_errors=True)  # parts of an earlier run in this place are no rehearsal
    include = folder / "include"
    include.mkdir(parents=True, exist_ok=True)
    (include / "NvInfer.h").write_text("// a header\n", encoding="utf-8")
    version = "#define NV_TENSORRT_MAJOR 8\n#define NV_TENSORRT_MINOR 5\n"
    (include / "NvInferVersion.h").write_text(version, encoding="utf-8")
    libraries = {
        "libnvinfer.so.8": random.Random(1).randbytes(_NOISE),
        "libnvinfer_builder_resource.so.8.5.3": b"\0" * _NOISE,
    }
    wheel = folder / "tensorrt-8.5.3.1-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in libraries.items():
            archive.writestr(f"tensorrt/{name}", data)
    try:
        return _carried(folder, wheel, include, libraries)
    except pack_tensorrt.Problem as e:
        raise Failed(str(e)) from None


def _carried(folder: Path, wheel: Path, include: Path, libraries: dict[str, bytes]) -> str:
    out, arrived, store, to = (folder / name for name in ("parts", "arrived", "store", "tensorrt"))
    index = pack_tensorrt.pack(wheel, include, out, part_bytes=_PART, with_parser=False)
    names = [part["name"] for part in index["parts"]]
    if len(names) < 2:  # else nothing is joined
        raise Failed(f"{len(names)} part of {_NOISE} bytes of noise, though a part has {_PART} at most")
    arrived.mkdir(exist_ok=True)
    (arrived / pack_tensorrt.INDEX).write_bytes((out / pack_tensorrt.INDEX).read_bytes())
    for count, name in enumerate(names, 1):
        (arrived / name).write_bytes((out / name).read_bytes())
        pack_tensorrt.arrive(arrived, store)
        (arrived / name).unlink()
        if (lacking := pack_tensorrt.missing(store)) != names[count:]:
            raise Failed(f"after {count} parts it misses {', '.join(lacking) or 'none'}")
    made = pack_tensorrt.unpack(store, to)
    wanted = {f"lib/{name}": data for name, data in libraries.items()}
    wanted |= {f"include/{file.name}": file.read_bytes() for file in include.iterdir()}
    if sorted(made) != sorted(wanted):
        raise Failed(f"unpacked {', '.join(sorted(made))}, packed {', '.join(sorted(wanted))}")
    if wrong := [name for name, data in wanted.items() if (to / name).read_bytes() != data]:
        raise Failed(f"{', '.join(wrong)}: not what was packed")
    return f"{len(wanted)} files of a made-up wheel, through {len(names)} parts, byte for byte"
