"""tools/gpu/pack_tensorrt.py: parts that arrive one by one, and what is wrong with them."""

from __future__ import annotations

import ctypes
import json
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from places import ROOT

PROGRAM = ROOT / "tools" / "gpu" / "pack_tensorrt.py"
NVINFER = "libnvinfer.so.8"
RESOURCE = "libnvinfer_builder_resource.so.8.5.3"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(PROGRAM), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def compiled(folder: Path, name: str, text: str, *flags: str) -> bytes:
    source = folder / f"{name}.c"
    source.write_text(text)
    argv = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{name}", str(source), "-o", str(folder / name), *flags]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / name).read_bytes()


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("headers")
    (folder / "NvInfer.h").write_text("// a header\n")
    version = "#define NV_TENSORRT_MAJOR 8 //!< major\n#define NV_TENSORRT_MINOR 5 //!< minor\n"
    (folder / "NvInferVersion.h").write_text(version)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as the real one: the parser links the plugins, which want two versions of cuBLAS and cuDNN."""
    folder = tmp_path_factory.mktemp("wheel")
    made = folder / "tensorrt-8.5.3.1-cp310-none-manylinux_2_17_x86_64.whl"
    noise = random.Random(1).randbytes(1_300_000)
    versions = folder / "versions"
    versions.write_text("libcublas.so.11 { global: *; };\n")
    there = "int {}(void) {{ return 0; }}\n"
    libraries = folder / "real"
    libraries.mkdir()
    for name, symbol in (("libcublas.so.11", "cublasCreate_v2"), ("libcublasLt.so.11", "cublasLtCreate")):
        compiled(libraries, name, there.format(symbol), f"-Wl,--version-script={versions}")
    compiled(libraries, "libcudnn.so.8", there.format("cudnnCreate"))
    plugin = "int cublasCreate_v2(void); int cublasLtCreate(void); int cudnnCreate(void);\n"
    plugin += (
        "int plugins(void) { return cublasCreate_v2() + 10 * cublasLtCreate() + 100 * cudnnCreate(); }\n"
    )
    linked = [str(libraries / n) for n in ("libcublas.so.11", "libcublasLt.so.11", "libcudnn.so.8")]
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"tensorrt/{NVINFER}", noise)
        archive.writestr(f"tensorrt/{RESOURCE}", b"\0" * 3_000_000)
        archive.writestr(
            "tensorrt/libnvinfer_plugin.so.8", compiled(folder, "libnvinfer_plugin.so.8", plugin, *linked)
        )
        archive.writestr("tensorrt/libnvonnxparser.so.8", b"a parser")
        archive.writestr("tensorrt/libnvparsers.so.8", b"which nobody needs")
        archive.writestr("tensorrt/__init__.py", b"")
    return made


def packed(wheel: Path, headers: Path, out: Path, *more: str) -> list[Path]:
    done = run("--wheel", wheel, "--headers", headers, "--parts-of-mib", "0.5", *more, out)
    assert done.returncode == 0, done.stderr
    return sorted(out.glob("part-*"))


@pytest.mark.compile
def test_parts_arrive_one_by_one_and_become_what_they_were(
    wheel: Path, headers: Path, tmp_path: Path
) -> None:
    parts = packed(wheel, headers, tmp_path / "parts")
    assert len(parts) == 3 and all(p.stat().st_size <= 512 * 1024 for p in parts)
    store, to, carried = tmp_path / "store", tmp_path / "tensorrt", tmp_path / "carried"
    for part in reversed(parts):
        carried.mkdir()
        (carried / "index.json").write_bytes((tmp_path / "parts" / "index.json").read_bytes())
        (carried / part.name).write_bytes(part.read_bytes())
        done = run("unpack", store, to, "--arrived", carried)
        assert f"{part.name}: arrived" in done.stdout
        if part != parts[0]:
            assert done.returncode == 3 and "part-01-of-03" in done.stdout.splitlines()[-1]
            assert not to.exists()
        for file in carried.iterdir():
            file.unlink()
        carried.rmdir()
    assert done.returncode == 0, done.stderr
    assert "missing" not in done.stdout and done.stdout.count("a stand-in") == 3
    with zipfile.ZipFile(wheel) as archive:
        for name in (NVINFER, RESOURCE, "libnvonnxparser.so.8"):
            assert (to / "lib" / name).read_bytes() == archive.read(f"tensorrt/{name}")
    assert (to / "lib" / "libnvinfer.so").resolve().name == NVINFER
    assert not (to / "lib" / "libnvparsers.so.8").exists()
    assert (to / "include" / "NvInfer.h").read_text() == "// a header\n"
    assert run("unpack", store, to).returncode == 0  # once more does no harm


@pytest.mark.compile
def test_the_plugins_load_beside_the_stand_ins_whose_functions_fail(
    wheel: Path, headers: Path, tmp_path: Path
) -> None:
    packed(wheel, headers, tmp_path / "parts")
    assert run("unpack", tmp_path / "parts", tmp_path / "to").returncode == 0
    lib = tmp_path / "to" / "lib"
    code = f"import ctypes; print(ctypes.CDLL('{lib / 'libnvinfer_plugin.so.8'}').plugins())"
    env = {**os.environ, "LD_LIBRARY_PATH": str(lib), "LD_BIND_NOW": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.stdout == "111\n", done.stderr
    assert ctypes.CDLL(str(lib / "libcudnn.so.8")).cudnnCreate() == 1


def test_without_the_parser_nothing_stands_in(wheel: Path, headers: Path, tmp_path: Path) -> None:
    packed(wheel, headers, tmp_path / "parts", "--no-parser")
    done = run("unpack", tmp_path / "parts", tmp_path / "to")
    assert done.returncode == 0 and "stand-in" not in done.stdout
    assert {f.name for f in (tmp_path / "to" / "lib").iterdir() if not f.is_symlink()} == {NVINFER, RESOURCE}


def test_a_damaged_part_is_named_and_not_kept(wheel: Path, headers: Path, tmp_path: Path) -> None:
    parts = packed(wheel, headers, tmp_path / "parts", "--no-parser")
    whole = parts[1].read_bytes()
    parts[1].write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = run("unpack", tmp_path / "store", tmp_path / "to", "--arrived", tmp_path / "parts")
    assert done.returncode == 1 and parts[1].name in done.stderr and "carry it again" in done.stderr
    assert not (tmp_path / "store" / parts[1].name).exists()
    parts[1].write_bytes(whole)
    assert run("unpack", tmp_path / "store", tmp_path / "to", "--arrived", tmp_path / "parts").returncode == 0
    # One that is damaged where it is kept: it is taken away, and asked for again.
    kept = tmp_path / "store" / parts[0].name
    kept.write_bytes(kept.read_bytes()[:-5])
    done = run("unpack", tmp_path / "store", tmp_path / "again")
    assert done.returncode == 1 and parts[0].name in done.stderr
    assert run("unpack", tmp_path / "store", tmp_path / "again").returncode == 3


def test_a_file_that_is_not_what_was_packed_is_refused(wheel: Path, headers: Path, tmp_path: Path) -> None:
    packed(wheel, headers, tmp_path / "parts", "--no-parser")
    index = json.loads((tmp_path / "parts" / "index.json").read_text())
    index["files"][0]["sha256"] = "0" * 64
    (tmp_path / "parts" / "index.json").write_text(json.dumps(index))
    done = run("unpack", tmp_path / "parts", tmp_path / "to")
    assert done.returncode == 1 and f"lib/{NVINFER} is not what was packed" in done.stderr
    assert not (tmp_path / "to" / "lib" / NVINFER).exists()


def test_parts_of_another_package_do_not_mix(wheel: Path, headers: Path, tmp_path: Path) -> None:
    packed(wheel, headers, tmp_path / "parts", "--no-parser")
    packed(wheel, headers, tmp_path / "others")
    assert run("unpack", tmp_path / "store", tmp_path / "to", "--arrived", tmp_path / "parts").returncode == 0
    done = run("unpack", tmp_path / "store", tmp_path / "to", "--arrived", tmp_path / "others")
    assert done.returncode == 1 and "parts of another package" in done.stderr


def test_wrong_input_is_named(wheel: Path, headers: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    other = tmp_path / "headers"
    other.mkdir()
    done = run("--wheel", wheel, "--headers", other, out)
    assert done.returncode == 1 and "no NvInfer.h" in done.stderr
    (other / "NvInfer.h").touch()
    (other / "NvInferVersion.h").write_text("#define NV_TENSORRT_MAJOR 8\n#define NV_TENSORRT_MINOR 6\n")
    done = run("--wheel", wheel, "--headers", other, out)
    assert done.returncode == 1 and "the headers are of TensorRT 8.6" in done.stderr
    done = run("--wheel", headers / "NvInfer.h", "--headers", headers, out)
    assert done.returncode == 1 and "is no wheel" in done.stderr
    with zipfile.ZipFile(tmp_path / "tensorrt-10.0-py3.whl", "w") as archive:
        archive.writestr("tensorrt/__init__.py", "")
    done = run("--wheel", tmp_path / "tensorrt-10.0-py3.whl", "--headers", headers, out)
    assert done.returncode == 1 and "0 files like libnvinfer.so" in done.stderr
    done = run("--wheel", tmp_path / "nothing.whl", "--headers", headers, out)
    assert done.returncode == 1 and "No such file" in done.stderr and "Traceback" not in done.stderr
    done = run("unpack", tmp_path / "empty", tmp_path / "to")
    assert done.returncode == 1 and "has no index.json" in done.stderr


@pytest.mark.full("a wheel of 1 GB, where one is named")
@pytest.mark.trt
def test_the_real_wheel(tmp_path: Path) -> None:
    """GENCPP_TENSORRT_WHEEL names a full wheel of 8.5, which goes into parts and comes out again."""
    named = os.environ.get("GENCPP_TENSORRT_WHEEL")
    include = Path.home() / ".cache" / "gencpp" / "tensorrt-headers" / "8.5" / "include"
    include = Path(os.environ.get("GENCPP_TENSORRT_HEADERS", include.parents[1])) / "8.5" / "include"
    if not named or not include.is_dir():
        pytest.skip(
            "needs GENCPP_TENSORRT_WHEEL, a full wheel of 8.5, and GENCPP_TENSORRT_HEADERS/8.5/include"
        )
    done = run("--wheel", named, "--headers", include, tmp_path / "parts")
    assert done.returncode == 0, done.stderr
    parts = sorted((tmp_path / "parts").glob("part-*"))
    assert parts and all(p.stat().st_size <= 60 << 20 for p in parts)
    done = run("unpack", tmp_path / "parts", tmp_path / "to")
    assert done.returncode == 0, done.stderr
    lib = tmp_path / "to" / "lib"
    code = (
        f"import ctypes; p = ctypes.CDLL('{lib / 'libnvonnxparser.so.8'}'); print(p.getNvOnnxParserVersion())"
    )
    env = {**os.environ, "LD_LIBRARY_PATH": str(lib)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0 and done.stdout.strip().isdigit(), done.stderr
