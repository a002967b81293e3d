"""Makes core/global_names.txt anew: lower-case names that no namespace can have where headers are included.

    python tools/sweeps/global_names.py [--torch] [--check]

A compiler is asked: every name in the preprocessed headers of C, POSIX, GNU and C++, of libjpeg and of libpng
becomes a line `namespace NAME {}` and a line `int NAME;` behind all of them, and what it refuses is taken.
Names that are defined as macros are taken, too. `--torch` adds what the headers of LibTorch and of the CUDA
runtime take beyond these (minutes); without it the file's own group of these is kept. `--check` compares and
writes nothing.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "generator" / "gencpp" / "core" / "global_names.txt"
sys.path.insert(0, str(ROOT / "generator"))

from gencpp.core.cpp import KEYWORDS  # noqa: E402
from gencpp.core.toolchain import find_compiler, first_line  # noqa: E402

C_POSIX = """
    aio arpa/inet assert complex cpio ctype devctl dirent dlfcn endian errno fcntl fenv float fmtmsg fnmatch
    ftw glob grp iconv inttypes iso646 langinfo libgen libintl limits locale math monetary mqueue ndbm
    net/if netdb netinet/in netinet/tcp nl_types poll pthread pwd regex sched search semaphore setjmp signal
    spawn stdarg stdbool stddef stdint stdio stdlib string strings stropts sys/ipc sys/mman sys/msg
    sys/resource sys/select sys/sem sys/shm sys/socket sys/stat sys/statvfs sys/time sys/times sys/types
    sys/uio sys/un sys/utsname sys/wait syslog tar termios tgmath time trace uchar ulimit unistd utime utmpx
    wchar wctype wordexp
""".split()  # noqa: SIM905
"""POSIX.1-2024, chapter 14, which has C17's, too; but threads.h and stdatomic.h, which C++ has as its own."""

GNU = """
    alloca argp argz arpa/nameser byteswap crypt elf envz err error execinfo fstab fts getopt gshadow
    ifaddrs link malloc mcheck memory mntent netinet/ether netinet/ip netinet/ip_icmp netinet/udp
    net/ethernet net/route obstack paths printf pty resolv shadow stdio_ext sys/auxv sys/epoll sys/eventfd
    sys/file sys/fsuid sys/inotify sys/ioctl sys/mount sys/param sys/personality sys/poll sys/prctl
    sys/ptrace sys/queue sys/quota sys/random sys/reboot sys/sendfile sys/signalfd sys/swap sys/syscall
    sys/sysinfo sys/sysmacros sys/timerfd sys/timex sys/ucontext sys/user sys/vfs sys/xattr sysexits
    thread_db ttyent ucontext ustat utmp values wait
""".split()  # noqa: SIM905
"""What else the GNU C library installs and programs include."""

CXX = """
    algorithm any array atomic barrier bit bitset charconv chrono compare complex concepts
    condition_variable coroutine deque exception execution expected filesystem format forward_list fstream
    functional future generator initializer_list iomanip ios iosfwd iostream istream iterator latch limits
    list locale map memory memory_resource mutex new numbers numeric optional ostream print queue random
    ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span spanstream sstream
    stack stacktrace stdexcept stop_token streambuf string string_view syncstream system_error thread tuple
    type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
""".split()  # noqa: SIM905

PICTURES = ("jpeglib.h", "png.h")
"""Which src/image/image_jpeg.cpp and src/image/image_png.cpp include."""

LIBTORCH = ("torch/script.h", "torch/csrc/inductor/aoti_package/model_package_loader.h", "cuda_runtime_api.h")

NEEDS = {"cuda_runtime_api.h": "crt/host_defines.h"}
"""Headers that are installed without what they include."""

COLUMNS = 118


def system_headers() -> list[str]:
    return [*(f"{name}.h" for name in (*C_POSIX, *GNU)), *CXX, *PICTURES]


def taken(compiler: Path, headers: Sequence[str], folders: Iterable[Path] = ()) -> set[str]:
    """The lower-case names that no namespace can have where `headers` are included (those that are there)."""
    flags = ["-x", "c++", "-std=gnu++20", "-w", *(f"-isystem{folder}" for folder in folders)]
    including = "".join(f"#if __has_include(<{NEEDS.get(h, h)}>)\n#include <{h}>\n#endif\n" for h in headers)

    def run(text: str, *more: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "probe.cpp"
            file.write_text(text)
            argv = [str(compiler), *flags, *more, str(file)]
            return subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)

    preprocessed, defined = run(including, "-E"), run(including, "-E", "-dM")
    if preprocessed.returncode != 0:
        raise SystemExit(preprocessed.stderr[-2000:])
    macros = set(re.findall(r"^#define ([a-z][a-z0-9_]*)(?: |$)", defined.stdout, re.MULTILINE))
    code = re.sub(r"^#.*$", "", preprocessed.stdout, flags=re.MULTILINE)
    words = set(re.findall(r"(?<![A-Za-z0-9_])[a-z][a-z0-9_]*", code))
    asked = sorted(w for w in words - macros - KEYWORDS if "__" not in w and not w.endswith("_"))
    found = {m for m in macros if m not in KEYWORDS and "__" not in m}
    for form in ("namespace {} {{}}", "int {};"):
        lines = "".join(f'#line {i} "asked"\n{form.format(word)}\n' for i, word in enumerate(asked, 1))
        done = run(including + lines, "-fsyntax-only", "-fmax-errors=0", "-fno-diagnostics-show-caret")
        found |= {
            asked[int(i) - 1] for i in re.findall(r"^asked:(\d+):\d+: error", done.stderr, re.MULTILINE)
        }
        if others := re.findall(r"^(?!asked:)\S+:\d+:\d+: error.*$", done.stderr, re.MULTILINE):
            raise SystemExit("\n".join(others[:20]))
    return found


def group(title: str, names: Iterable[str]) -> str:
    text = textwrap.fill(" ".join(sorted(names)), COLUMNS, break_long_words=False, break_on_hyphens=False)
    return f"# {title}\n{text}\n"


def groups(text: str) -> list[tuple[str, set[str]]]:
    """(title, names) of the file's groups; the first paragraph is about the file."""
    _, *parts = text.split("\n\n")
    return [(p.split("\n", 1)[0].removeprefix("# "), set(p.split("\n", 1)[1].split())) for p in parts]


def libtorch_folders() -> list[Path]:
    import site

    import torch
    from torch.utils.cpp_extension import include_paths

    found = [Path(p) for p in include_paths()]
    packages = [Path(p) for p in site.getsitepackages()] + [Path(torch.__file__).parents[1]]
    return found + [p for folder in packages for p in sorted(folder.glob("nvidia/*/include"))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    compiler = find_compiler()
    if compiler is None:
        raise SystemExit("there is no C++ compiler")
    system = taken(compiler, system_headers())
    version = first_line([str(compiler), "--version"]).split(" (")[0]
    version = f"{version} {first_line([str(compiler), '-dumpfullversion'])}"
    title = f"{' '.join(platform.libc_ver())}, {version}: C, POSIX, GNU, C++, libjpeg, libpng"
    old = groups(TABLE.read_text()) if TABLE.is_file() else []
    parts = [(title, system)]
    if asked.torch:
        import torch

        more = taken(compiler, LIBTORCH, libtorch_folders())
        parts.append(
            (f"torch {torch.__version__.split('+')[0]} and the CUDA runtime's headers", more - system)
        )
    else:
        parts += old[1:]
    if asked.check:
        known = set().union(*(names for _, names in old))
        missing = set().union(*(names for _, names in parts)) - known
        print(f"{len(known)} names are known; missing are: {' '.join(sorted(missing)) or 'none'}")
        raise SystemExit(1 if missing else 0)
    about = "# Names that no namespace can have: written by tools/sweeps/global_names.py.\n"
    TABLE.write_text("\n".join([about, *(group(*part) for part in parts)]))
    print(f"{TABLE.relative_to(ROOT)}: {', '.join(str(len(names)) for _, names in parts)} names")


if __name__ == "__main__":
    main()
