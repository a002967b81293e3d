"""What this machine has of TensorRT and of the CUDA runtime: libraries, headers, versions, what is missing.

Looks where cmake/FindTensorRT.cmake of a generated project looks, in the same order, and imports nothing.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT_VARIABLES = ("TensorRT_ROOT", "TENSORRT_ROOT")
PIP_PACKAGES = ("tensorrt_libs", "tensorrt", "tensorrt_rtx_libs", "tensorrt_lean_libs")

# Stem of the library, and what it is; in the order in which one is preferred.
KINDS = {"nvinfer": "TensorRT", "tensorrt_rtx": "TensorRT-RTX", "nvinfer_lean": "TensorRT's lean runtime"}
_PARSERS = {"nvinfer": "nvonnxparser", "tensorrt_rtx": "tensorrt_onnxparser_rtx"}
_GET = (
    "pip install tensorrt, or set TENSORRT_ROOT to an unpacked SDK "
    "(headers come from the SDK, from a download, or from --tensorrt-headers DIR)"
)
_RTX = "get the TensorRT-RTX SDK, which alone has its headers, and set TENSORRT_ROOT to it; or " + _GET
_CRT = "pip install nvidia-cuda-runtime nvidia-cuda-crt, or install a CUDA toolkit"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipPackage:
    """A Python package that holds libraries of TensorRT."""

    package: str
    distribution: str
    """As pip lists it, such as tensorrt_cu13_libs; empty when it was not installed by pip."""
    version: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """A folder that holds NvInfer.h."""

    folder: Path
    version: str
    rtx: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRT:
    """What a build would use, or why it cannot: `problem` is empty when it can."""

    title: str = ""
    """`TensorRT` or `TensorRT-RTX`; empty: no library"""
    library: Path | None = None
    version: str = ""
    """As exactly as the surroundings tell: 10.13.3.9, or only 10"""
    parser: bool = False
    headers: Headers | None = None
    download: bool = False
    """There are no headers here; configuring downloads them."""
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaRuntime:
    """Headers of the CUDA runtime; `problem` is empty when TensorRT's headers compile with them."""

    include: Path | None = None
    version: str = ""
    problem: str = ""
    remedy: str = ""


def find_tensorrt(
    headers: Path | None = None, environment: Mapping[str, str] = os.environ, system: Path = Path("/")
) -> TensorRT:
    """The library and the headers that a project configured on this machine takes."""
    chosen = next((environment[v] for v in ROOT_VARIABLES if environment.get(v)), "")
    roots = [Path(chosen)] if chosen else [*_system_roots(environment, system), *_pip_folders(PIP_PACKAGES)]
    for stem, title in KINDS.items():
        for root in roots:
            library = _library(stem, _library_folders(root))
            if library is not None:
                return _examined(stem, title, library, root, headers)
    if chosen:
        problem = f"TENSORRT_ROOT is {chosen}, which has no libnvinfer.so"
    else:
        problem = "no libnvinfer.so in the system's folders or this Python's packages"
    if alone := headers or next((h.folder for r in roots if (h := _headers_beside(r, r))), None):
        problem += f"; there are headers without a library in {alone}"
    return TensorRT(problem=problem, remedy=_GET)


def pip_packages() -> tuple[PipPackage, ...]:
    """The packages of this Python that hold TensorRT's libraries or the bindings of TensorRT-RTX."""
    found = []
    for package in (*PIP_PACKAGES, "tensorrt_rtx_bindings"):
        for folder in _pip_folders([package]):
            distribution, version = _distribution(folder)
            found.append(
                PipPackage(package=package, distribution=distribution, version=version, folder=folder)
            )
    return tuple(found)


def header_sets(folder: Path) -> tuple[Headers, ...]:
    """Every set of headers in `folder`: itself, include/, and X.Y/include; oldest first."""
    candidates = [folder, folder / "include", *(p / "include" for p in folder.glob("*.*"))]
    sets = [found for c in candidates if (found := _headers_in(c))]
    return tuple(sorted(sets, key=lambda h: _numbers(h.version)))


def find_cuda_runtime(environment: Mapping[str, str] = os.environ) -> CudaRuntime:
    """The headers of the CUDA runtime: of CUDAToolkit_ROOT, of a toolkit, or of pip packages."""
    chosen = environment.get("CUDAToolkit_ROOT", "")
    roots = [Path(chosen)] if chosen else [*_toolkits(environment), *_pip_cuda()]
    for root in roots:
        for include in (root / "include", *root.glob("targets/*/include")):
            if not (include / "cuda_runtime_api.h").is_file():
                continue
            text = (include / "cuda_runtime_api.h").read_text(errors="replace")
            match = re.search(r"^#define\s+CUDART_VERSION\s+(\d+)", text, re.MULTILINE)
            number = int(match[1]) if match else 0
            version = f"{number // 1000}.{number % 1000 // 10}"
            beside = include.parent.parent
            crt = (include, beside / "cuda_nvcc" / "include", beside / "cuda_crt" / "include")
            if any((folder / "crt" / "host_defines.h").is_file() for folder in crt):
                return CudaRuntime(include=include, version=version)
            package = "nvidia-cuda-crt" if number >= 13000 else f"nvidia-cuda-nvcc-cu{number // 1000}"
            return CudaRuntime(
                include=include,
                version=version,
                problem=f"{include} lacks crt/host_defines.h",
                remedy=f'pip install "{package}=={version}.*", or install a CUDA toolkit',
            )
    where = f"CUDAToolkit_ROOT is {chosen}, which" if chosen else "this machine"
    return CudaRuntime(problem=f"{where} has no cuda_runtime_api.h", remedy=_CRT)


def _examined(stem: str, title: str, library: Path, root: Path, named: Path | None) -> TensorRT:
    """The library that was found, with its headers, and whether they go together."""
    version = _library_version(library)
    parser = stem in _PARSERS and _library(_PARSERS[stem], [library.parent]) is not None
    rtx = stem == "tensorrt_rtx"
    if stem == "nvinfer_lean":
        return TensorRT(problem=f"{library} is {title}, which cannot build engines", remedy=_GET)

    headers = _fitting(named, version) if named else _headers_beside(root, library.parent)
    problem, remedy = "", ""
    if headers is None and named:
        problem = f"{named} has no headers that fit {library} ({title} {version})"
        remedy = _RTX if rtx else "name the folder include/ of this version's SDK or tag"
    elif headers is None and rtx:
        problem, remedy = f"{library} is TensorRT-RTX's, which has no public headers", _RTX
    elif headers is not None:
        problem = _mismatch(headers, library, version, rtx)
        remedy = (_RTX if rtx else "give headers and library of one version") if problem else ""
    return TensorRT(
        title=title,
        library=library,
        version=version,
        parser=parser,
        headers=headers,
        download=headers is None and not problem,
        problem=problem,
        remedy=remedy,
    )


def _mismatch(headers: Headers, library: Path, version: str, rtx: bool) -> str:
    if headers.rtx != rtx:
        kinds = ("TensorRT", "TensorRT-RTX")
        return f"{headers.folder} has headers of {kinds[headers.rtx]}, {library} is {kinds[rtx]}'s"
    ours, theirs = _numbers(headers.version)[:2], _numbers(version)[:2]
    both = f"the headers in {headers.folder} are {headers.version}, {library} is {version}"
    if theirs and ours[0] != theirs[0]:
        return f"{both}: another major version"
    if len(theirs) > 1 and ours > theirs:
        return f"{both}: newer headers call what an older library lacks"
    return ""


def _fitting(folder: Path, version: str) -> Headers | None:
    """The headers in a folder that the user named; of several versions the one that fits the library."""
    for candidate in (folder, folder / "include"):
        if found := _headers_in(candidate):
            return found
    wanted = _numbers(version)[:2]
    same = [h for h in header_sets(folder) if wanted and _numbers(h.version)[0] == wanted[0]]
    if len(wanted) < 2:
        return same[0] if same else None
    fitting = [h for h in same if _numbers(h.version)[:2] <= wanted]
    return fitting[-1] if fitting else None


def _headers_beside(root: Path, library_folder: Path) -> Headers | None:
    bases = (root, library_folder.parent, library_folder.parent.parent)
    candidates = [
        c for base in bases for c in (base / "include" / _multiarch(), base / "include") if base.name
    ]
    return next((found for c in (*candidates[:2], root, *candidates[2:]) if (found := _headers_in(c))), None)


def _headers_in(folder: Path) -> Headers | None:
    if not (folder / "NvInfer.h").is_file():
        return None
    for file in (folder / "NvInferVersion.h", folder / "NvInfer.h"):
        text = file.read_text(errors="replace") if file.is_file() else ""
        # From 10.11 on NV_TENSORRT_MAJOR is defined as another macro, TRT_MAJOR_ENTERPRISE or _RTX.
        parts = [
            re.search(
                rf"^#define[ \t]+(?:NV_TENSORRT|TRT)_{part}(?:_ENTERPRISE|(_RTX))?[ \t]+(\d+)", text, re.M
            )
            for part in ("MAJOR", "MINOR", "PATCH")
        ]
        if parts[0]:
            return Headers(
                folder=folder, version=".".join(p[2] for p in parts if p), rtx=parts[0][1] is not None
            )
    return None


def _library(stem: str, folders: Iterable[Path]) -> Path | None:
    for folder in folders:
        versioned = [
            p
            for p in (*folder.glob(f"lib{stem}.so.*"), *folder.glob(f"{stem}_*.lib"))
            if re.search(rf"(\.so\.[\d.]+|{re.escape(stem)}_\d+\.lib)$", p.name)
        ]
        # The highest major, and of libnvinfer.so.10 and libnvinfer.so.10.9.0 the former.
        versioned.sort(key=lambda p: (-(_numbers(p.name) or (0,))[0], len(p.name)))
        for file in (folder / f"lib{stem}.so", folder / f"{stem}.lib", *versioned):
            if file.is_file():
                return file
    return None


def _library_version(library: Path) -> str:
    match = re.search(r"(?:\.so\.|_)([\d.]*\d)(?:\.lib)?$", library.resolve().name)
    version = match[1] if match else ""
    if "." in version:
        return version
    told = [_distribution(library.parent)[1]]
    for resource in sorted(library.parent.glob("libnvinfer_builder_resource*.so.*")):
        told.append(resource.name.rpartition(".so.")[2])
    return next((t for t in told if t and (not version or t.startswith(version + "."))), version)


def _distribution(folder: Path) -> tuple[str, str]:
    """Name and version of what pip installed this folder from: tensorrt_libs is of tensorrt_cu13_libs."""
    name = re.sub(r"_(libs|bindings)$", r"(_cu\\d+)?_\1", folder.name)
    for info in sorted(folder.parent.glob("*.dist-info")):
        if match := re.fullmatch(rf"({name})-(\d[\w.]*)\.dist-info", info.name):
            return match[1], match[match.lastindex or 0]
    return "", ""


def _library_folders(root: Path) -> list[Path]:
    folders = [root / "lib" / _multiarch(), root / "lib64", root / "lib", root / "lib" / "x64", root]
    return [*folders, *root.glob("targets/*/lib")]


def _system_roots(environment: Mapping[str, str], system: Path) -> list[Path]:
    roots = [Path(p) for p in environment.get("CMAKE_PREFIX_PATH", "").split(os.pathsep) if p]
    if os.name != "nt":
        unpacked = [
            p
            for parent in ("usr/local", "opt")
            for p in (system / parent).glob("[Tt]ensor[Rr][Tt]*")
            if p.is_dir()
        ]
        newest = sorted(unpacked, key=lambda p: _numbers(p.name), reverse=True)
        roots += [system / "usr", system / "usr" / "local", *newest]
    return roots


def _toolkits(environment: Mapping[str, str]) -> list[Path]:
    roots = [Path(environment[v]) for v in ("CUDA_PATH", "CUDA_HOME") if environment.get(v)]
    if nvcc := shutil.which("nvcc"):
        roots.append(Path(nvcc).resolve().parent.parent)
    return [*roots, Path("/usr/local/cuda"), Path("/usr")]


def _pip_cuda() -> list[Path]:
    """CUDA 13 has one folder for all packages, before that each package has its own."""
    found: list[Path] = []
    for folder in _pip_folders(["nvidia"]):
        found += sorted((p for p in folder.glob("cu[0-9]*") if p.name[2:].isdigit()), reverse=True)
        found.append(folder / "cuda_runtime")
    return found


def _pip_folders(packages: Iterable[str]) -> list[Path]:
    folders = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        folders += [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    return folders


def _multiarch() -> str:
    """Such as x86_64-linux-gnu, where Debian keeps libraries and headers."""
    return str(sysconfig.get_config_var("MULTIARCH") or "")


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version, or of the version in a name."""
    match = re.search(r"\d+(\.\d+)*", text)
    return tuple(int(n) for n in match[0].split(".")) if match else ()
