#!/usr/bin/env python3
"""TensorRT 8.5 in parts that can be carried one by one to a machine without internet.

    pack_tensorrt.py --wheel tensorrt-8.5.3.1-...whl --headers DIR [--no-parser] [--parts-of-mib 60] OUT
    pack_tensorrt.py unpack STORE TO [--arrived DIR]

The first takes from the wheel the fewest libraries that the kit needs (libnvinfer, its builder's resources,
and unless --no-parser the ONNX parser with the plugins that it links), and the headers of DIR; it writes
OUT/part-01-of-NN, ... and OUT/index.json. Carry each part together with index.json. The second keeps what has
arrived in STORE; it says which parts are missing (exit code 3) or damaged (1), and once all are there it
joins them, writes TO/lib and TO/include, and checks every file's sha256. cuBLAS and cuDNN, which the plugins
of 8.5 link, are over 1 GB: TO/lib gets stand-ins for them, made with the C compiler, which load and whose
functions all return an error. So a program has to turn those tactic sources off. Only the standard library
is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

INDEX = "index.json"
SCHEMA = 1
MISSING = 3
"""Exit code while parts are missing."""

LIBRARIES = (r"libnvinfer\.so\.\d+", r"libnvinfer_builder_resource\.so\.[\d.]+")
PARSER = (r"libnvinfer_plugin\.so\.\d+", r"libnvonnxparser\.so\.\d+")
STAND_INS = re.compile(r"lib(cublas|cublasLt|cudnn)\.so\.\d+$")
"""What the plugins of 8.5 link beside TensorRT."""

_BLOCK = 32 << 20
"""Bytes that one process compresses at a time; each becomes an xz stream of its own."""
_PRESET = 6


class Problem(Exception):
    """Said to the user, who can do something about it."""


def main(argv: Sequence[str]) -> int:
    """The command line; gives the exit code."""
    try:
        return _unpack_command(argv[1:]) if argv[:1] == ["unpack"] else _pack_command(argv)
    except Problem as e:
        print(f"pack_tensorrt.py: {e}", file=sys.stderr)
    except OSError as e:
        print(f"pack_tensorrt.py: {e.filename or 'a file'}: {e.strerror or e}", file=sys.stderr)
    return 1


def _pack_command(argv: Sequence[str]) -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--wheel", type=Path, required=True, help="of TensorRT, with its libraries")
    parser.add_argument("--headers", type=Path, required=True, help="folder with NvInfer.h of that version")
    parser.add_argument("--no-parser", action="store_true", help="leave out the ONNX parser and the plugins")
    parser.add_argument("--parts-of-mib", type=float, default=60.0, help="largest part, in MiB (default 60)")
    parser.add_argument("out", type=Path, help="folder for the parts")
    options = parser.parse_args(argv)
    index = pack(
        options.wheel,
        options.headers,
        options.out,
        part_bytes=int(options.parts_of_mib * (1 << 20)),
        with_parser=not options.no_parser,
    )
    for part in index["parts"]:
        print(f"{part['name']}  {part['bytes'] / (1 << 20):5.1f} MiB  sha256 {part['sha256']}")
    whole = sum(part["bytes"] for part in index["parts"])
    plain = sum(file["bytes"] for file in index["files"])
    print(
        f"{index['wheel']}: {len(index['files'])} files of {plain / 1e6:.0f} MB in "
        f"{len(index['parts'])} parts, {whole / 1e6:.0f} MB; each goes with {INDEX}"
    )
    return 0


def _unpack_command(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pack_tensorrt.py unpack")
    parser.add_argument("store", type=Path, help="folder that keeps what has arrived")
    parser.add_argument("to", type=Path, help="folder to write lib/ and include/ to")
    parser.add_argument("--arrived", type=Path, help="folder with index.json and the parts of this time")
    options = parser.parse_args(argv)
    if options.arrived is not None:
        for name in arrive(options.arrived, options.store):
            print(f"{name}: arrived")
    lacking = missing(options.store)
    if lacking:
        index = read_index(options.store)
        here = len(index["parts"]) - len(lacking)
        print(f"{here} of {len(index['parts'])} parts are here; missing: {', '.join(lacking)}")
        return MISSING
    made = unpack(options.store, options.to)
    print(f"unpacked {len(made)} files into {options.to}")
    for name in stand_ins(options.to / "lib"):
        print(f"{name}: a stand-in, whose functions all return an error")
    return 0


# --- packing ---------------------------------------------------------------------------------------------


def pack(
    wheel: Path, headers: Path, out: Path, *, part_bytes: int, with_parser: bool = True
) -> dict[str, Any]:
    """Writes the parts into `out`, from which older ones go; gives the content of index.json."""
    if part_bytes < 1 << 10:
        raise Problem("--parts-of-mib: a part has at least 1 KiB")
    if not (headers / "NvInfer.h").is_file():
        raise Problem(f"{headers} has no NvInfer.h: name the folder include/ of the public repository")
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("part-*"), out / INDEX]:
        old.unlink(missing_ok=True)
    try:
        archive = zipfile.ZipFile(wheel)
    except zipfile.BadZipFile:
        raise Problem(f"{wheel} is no wheel") from None
    with archive, tempfile.TemporaryDirectory(prefix="pack-", dir=out) as scratch:
        wanted = _libraries(archive, with_parser)
        _same_version(wheel, headers)
        files: list[dict[str, Any]] = []
        tar = Path(scratch) / "tar"
        with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as into:
            for member in wanted:
                with archive.open(member) as source:
                    size = archive.getinfo(member).file_size
                    files.append(_add(into, f"lib/{Path(member).name}", source, size))
            for header in sorted(headers.glob("*.h")):
                with header.open("rb") as source:
                    files.append(_add(into, f"include/{header.name}", source, header.stat().st_size))
        parts = _split(_compressed(tar), out, part_bytes)
    index = {"schema": SCHEMA, "wheel": wheel.name, "files": files, "parts": parts}
    (out / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return index


def _libraries(archive: zipfile.ZipFile, with_parser: bool) -> list[str]:
    """Members of the wheel, one for each pattern."""
    found = []
    for pattern in (*LIBRARIES, *(PARSER if with_parser else ())):
        names = [n for n in archive.namelist() if re.fullmatch(pattern, Path(n).name)]
        if len(names) != 1:
            wanted = pattern.replace("\\", "")
            raise Problem(
                f"{archive.filename}: {len(names)} files like {wanted}, one is wanted: a full wheel of 8.5"
            )
        found += names
    return found


def _same_version(wheel: Path, headers: Path) -> None:
    """Headers of another version make programs that crash."""
    named = re.match(r"tensorrt-(\d+)\.(\d+)", wheel.name)
    text = (headers / "NvInferVersion.h").read_text(encoding="utf-8")
    found = re.findall(r"^#define[ \t]+NV_TENSORRT_(?:MAJOR|MINOR)[ \t]+(\d+)", text, re.MULTILINE)
    if named is None or list(named.groups()) != found:
        raise Problem(f"the headers are of TensorRT {'.'.join(found) or '?'}, and the wheel is {wheel.name}")


def _add(into: tarfile.TarFile, name: str, source: Any, size: int) -> dict[str, Any]:
    """Appends one file; its path, size and sha256."""
    told = tarfile.TarInfo(name)
    told.size, told.mode = size, 0o644
    reader = _Hashing(source)
    into.addfile(told, reader)  # type: ignore[arg-type]
    return {"path": name, "bytes": size, "sha256": reader.sha256.hexdigest()}


class _Hashing(io.RawIOBase):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, source: Any) -> None:
        self.source, self.sha256 = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.source.read(size)
        self.sha256.update(data)
        return data


def _compressed(tar: Path) -> Iterator[bytes]:
    """xz streams of the blocks of a file, in order, made on all processors."""
    with tar.open("rb") as source, ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        blocks = iter(lambda: source.read(_BLOCK), b"")
        pending = []
        for block in blocks:
            pending.append(pool.submit(lzma.compress, block, preset=_PRESET))
            if len(pending) > 4:  # so that the file is not in memory as a whole
                yield pending.pop(0).result()
        for one in pending:
            yield one.result()


def _split(streams: Iterator[bytes], out: Path, part_bytes: int) -> list[dict[str, Any]]:
    """Files of at most `part_bytes`; name, size and sha256 of each."""
    pieces: list[Path] = []
    buffer = b""
    for stream in streams:
        buffer += stream
        while len(buffer) > part_bytes:
            pieces.append(_piece(out, len(pieces), buffer[:part_bytes]))
            buffer = buffer[part_bytes:]
    pieces.append(_piece(out, len(pieces), buffer))
    parts = []
    for number, piece in enumerate(pieces, 1):
        name = f"part-{number:02}-of-{len(pieces):02}"
        piece.rename(out / name)
        parts.append({"name": name, "bytes": (out / name).stat().st_size, "sha256": sha256(out / name)})
    return parts


def _piece(out: Path, number: int, data: bytes) -> Path:
    file = out / f"part-{number:02}.new"
    file.write_bytes(data)
    return file


# --- on the other side -------------------------------------------------------------------------------------


def read_index(folder: Path) -> dict[str, Any]:
    """index.json of a folder; raises Problem."""
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"{folder} has no {INDEX}: carry it together with each part") from None
    except ValueError as e:
        raise Problem(f"{folder / INDEX} is damaged: {e}") from None
    if index.get("schema") != SCHEMA:
        raise Problem(f"{folder / INDEX} is of another pack_tensorrt.py")
    return index


def arrive(folder: Path, store: Path) -> list[str]:
    """Checks the parts in `folder`, keeps them in `store`; their names. Raises Problem for a damaged one."""
    index = read_index(folder)
    store.mkdir(parents=True, exist_ok=True)
    if (store / INDEX).is_file() and read_index(store) != index:
        raise Problem(f"{store} holds parts of another package: empty it, or name another folder")
    shutil.copyfile(folder / INDEX, store / INDEX)
    found = []
    for part in index["parts"]:
        source = folder / part["name"]
        if not source.is_file():
            continue
        if sha256(source) != part["sha256"]:
            raise Problem(f"{source} is damaged (sha256 differs): carry it again")
        kept = store / part["name"]
        shutil.copyfile(source, kept.with_suffix(".new"))
        kept.with_suffix(".new").rename(kept)
        found.append(part["name"])
    return found


def missing(store: Path) -> list[str]:
    """Names of the parts that `store` lacks."""
    index = read_index(store)
    return [p["name"] for p in index["parts"] if not (store / p["name"]).is_file()]


def unpack(store: Path, to: Path) -> list[str]:
    """Joins the parts of `store` and writes their files below `to`; links are the short names of libraries.

    Raises Problem where a part or a file is not what it was; `to` is then left without it.
    """
    index = read_index(store)
    for part in index["parts"]:
        if sha256(store / part["name"]) != part["sha256"]:
            (store / part["name"]).unlink()
            raise Problem(f"{part['name']} is damaged (sha256 differs), and was taken away: carry it again")
    wanted = {f["path"]: f for f in index["files"]}
    parts = _Joined([store / p["name"] for p in index["parts"]])
    with parts as joined, lzma.open(joined) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:  # type: ignore[call-overload]
        for member in tar:
            told = wanted.pop(member.name, None)
            source = tar.extractfile(member)
            if told is None or source is None:
                raise Problem(f"{member.name} is not in {INDEX}")
            file = to / member.name
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(file.name + ".new")
            with part.open("wb") as into:
                shutil.copyfileobj(source, into, 1 << 20)
            if sha256(part) != told["sha256"]:
                part.unlink()
                raise Problem(f"{member.name} is not what was packed (sha256 differs)")
            part.rename(file)
            if short := re.match(r"(.*\.so)\.", file.name):
                link = file.with_name(short[1])
                link.unlink(missing_ok=True)
                link.symlink_to(file.name)
    if wanted:
        raise Problem(f"the parts lack {', '.join(wanted)}")
    return [f["path"] for f in index["files"]]


class _Joined(io.RawIOBase):
    """Files read as one, one after the other."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)
        self.current: BinaryIO | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while True:
            if self.current is None:
                if not self.files:
                    return b""
                self.current = self.files.pop(0).open("rb")
            if data := self.current.read(size):
                return data
            self.current.close()
            self.current = None

    def close(self) -> None:
        if self.current is not None:
            self.current.close()
        super().close()


def stand_ins(folder: Path, run: Callable[..., Any] = subprocess.run) -> list[str]:
    """Makes libraries with the names and symbols that those in `folder` link and lack; their names.

    Raises Problem without a C compiler or nm.
    """
    needs: dict[str, set[str]] = {}
    versions: dict[str, set[str]] = {}
    for library in sorted(folder.glob("*.so.*")):
        if library.is_symlink() or STAND_INS.match(library.name) or not _is_elf(library):
            continue
        told = _tool(run, ["readelf", "-d", str(library)])
        names = [n for n in re.findall(r"\(NEEDED\).*\[(.*)\]", told) if STAND_INS.match(n)]
        if not names:
            continue
        undefined = re.findall(r" U ((?:cublas|cudnn)\w+)", _tool(run, ["nm", "-D", str(library)]))
        wanted = _versions(_tool(run, ["readelf", "-V", "-W", str(library)]))
        for name in names:
            needs.setdefault(name, set()).update(s for s in undefined if _owner(s) == name.split(".")[0])
            versions.setdefault(name, set()).update(wanted.get(name, ()))
    for name, symbols in needs.items():
        _stand_in(folder / name, sorted(symbols), sorted(versions[name]), run)
    return sorted(needs)


def _is_elf(file: Path) -> bool:
    with file.open("rb") as source:
        return source.read(4) == b"\x7fELF"


def _owner(symbol: str) -> str:
    """The library of a function."""
    prefixes = (("cublasLt", "libcublasLt"), ("cublas", "libcublas"), ("cudnn", "libcudnn"))
    return next(library for prefix, library in prefixes if symbol.startswith(prefix))


def _versions(told: str) -> dict[str, list[str]]:
    """By library, the versions of symbols that `readelf -V` says a library wants of it."""
    found: dict[str, list[str]] = {}
    library = ""
    for line in told.splitlines():
        if of := re.search(r"\bFile: (\S+)", line):
            library = of[1]
        elif name := re.search(r"\bName: (\S+)\s+Flags:.*Version:", line):
            found.setdefault(library, []).append(name[1])
    return found


def _stand_in(file: Path, symbols: Sequence[str], versions: Sequence[str], run: Callable[..., Any]) -> None:
    """Every function returns 1, which is an error in cuBLAS (not initialised) and in cuDNN."""
    text = "".join(f"int {s}(void) {{ return 1; }}\n" for s in symbols) or "int nothing_of_it;\n"
    with tempfile.TemporaryDirectory() as scratch:
        source, script = Path(scratch) / "source.c", Path(scratch) / "versions"
        source.write_text(text, encoding="utf-8")
        argv = [os.environ.get("CC") or "cc", "-shared", "-fPIC", f"-Wl,-soname,{file.name}"]
        if versions:  # the loader refuses a library that lacks one that is asked for
            nodes = [f"{v} {{ {'global: *;' if i == 0 else ''} }};\n" for i, v in enumerate(versions)]
            script.write_text("".join(nodes), encoding="utf-8")
            argv.append(f"-Wl,--version-script={script}")
        _tool(run, [*argv, str(source), "-o", str(file)])


def _tool(run: Callable[..., Any], argv: list[str]) -> str:
    """What a program of the C compiler's package prints."""
    try:
        done = run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem(f"there is no {argv[0]}, which the stand-ins need: install gcc and binutils") from None
    if done.returncode != 0:
        raise Problem(f"{argv[0]}: {done.stderr.strip()[-500:]}")
    return str(done.stdout)


def sha256(file: Path) -> str:
    """Of a file's content."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
