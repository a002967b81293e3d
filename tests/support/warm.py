"""`gencpp` without its start: a process that has imported what the command imports, and forks for each call.

The command takes 4 s to import torch and the exporters, and tests of its messages are many. A call is a
process of its own all the same: with its own arguments, folder, streams, exit code and end. A second process,
which has imported torch alone, forks the one that a call asks for LibTorch's operators (bare_torch).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

HEAVY = ("torch", "torchvision", "onnx", "onnxscript", "torch.onnx", "torch.export", "PIL.Image")
"""What commands import when they come to it; onnxruntime is not here, since it starts a thread."""
DEEP = (
    *("torch.export._trace", "torch.export._patches", "torch.onnx._internal.exporter._core"),
    *("onnxscript.function_libs.torch_lib.ops", "onnxscript.rewriter.rules.fusion", "sympy.combinatorics"),
    *("torchvision.transforms.v2", "jinja2"),
)
"""What those import when an exporter runs, which takes a second; other versions may have it elsewhere."""
LIMIT = 3600.0
"""Seconds that a call may take."""


class Warm:
    """The client: starts the process at the first call."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="gencpp-warm-")

    def call(
        self, argv: list[str], env: dict[str, str], cwd: Path | None
    ) -> subprocess.CompletedProcess[str]:
        """`python -m gencpp` with these arguments and no standard input."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
                server.settimeout(LIMIT)
                server.connect(self._address())
                env = {**env, "PYTHONPATH": path_with(self._root)}
                request = {"argv": argv, "cwd": str(cwd or Path.cwd()), "env": env}
                data = json.dumps(request).encode()
                socket.send_fds(server, [len(data).to_bytes(8, "big")], [out.fileno(), err.fileno()])
                server.sendall(data)
                told = server.recv(16)
            out.seek(0)
            err.seek(0)
            assert told, "the warm process ended"
            return subprocess.CompletedProcess(["gencpp", *argv], int(told), out.read(), err.read())

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
        self._folder.cleanup()

    def _address(self) -> str:
        address = str(Path(self._folder.name, "socket"))
        with self._starting:
            if self._process is None:
                argv = [sys.executable, __file__, address]
                env = {**os.environ, "PYTHONPATH": path_with(self._root)}
                null, pipe = subprocess.DEVNULL, subprocess.PIPE
                self._process = subprocess.Popen(argv, stdin=null, stdout=pipe, env=env)
                assert self._process.stdout is not None
                assert self._process.stdout.readline() == b"ready\n", "the warm process did not start"
        return address


def path_with(root: Path) -> str:
    return os.pathsep.join(filter(None, [str(root / "generator"), os.environ.get("PYTHONPATH")]))


def serve(address: str) -> None:
    importlib.import_module("torch")
    bare = _bare_torches()
    import_ahead()
    gc.freeze()  # a collection in a fork would copy every page
    client = _accepted(address)  # in the process that was forked for a call
    _run(client, bare)


def import_ahead() -> None:
    """What commands import when they come to it, and all modules of gencpp."""
    import gencpp

    rooms = [module.name for module in pkgutil.walk_packages(gencpp.__path__, "gencpp.")]
    for name in (*HEAVY, *rooms):
        if not name.endswith("__main__"):
            importlib.import_module(name)
    for name in DEEP:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _accepted(address: str) -> socket.socket:
    """Forks for each call, and tells its client how it ended; returns in the fork, with the call's client."""
    ended, wake = os.pipe()
    for end in (ended, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    calls: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([server, ended], [], [])
            if ended in ready:
                os.read(ended, 1 << 10)
                for pid, code in _ended():
                    if pid in calls:
                        with calls.pop(pid) as client, contextlib.suppress(OSError):  # it may have gone
                            client.sendall(str(code).encode())
            if server in ready:
                client, _ = server.accept()
                pid = os.fork()
                if pid == 0:
                    break
                calls[pid] = client
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(ended)
    os.close(wake)
    for other in calls.values():
        other.close()
    return client


def _ended() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(ChildProcessError):  # there is none
        while (found := os.waitpid(-1, os.WNOHANG))[0] != 0:
            yield found[0], os.waitstatus_to_exitcode(found[1])


def _bare_torches() -> socket.socket:
    """Who sends it the ends of two pipes, (questions, answers), gets a process that has imported torch alone.

    The process writes its id before its answers.
    """
    from gencpp.backends.libtorch import bare_torch

    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() != 0:
        theirs.close()
        return mine
    mine.close()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    while True:
        asked, fds, _, _ = socket.recv_fds(theirs, 1, 2)
        if not asked:  # the warm process and all its commands have ended
            os._exit(0)
        if os.fork() == 0:
            theirs.close()
            os.write(fds[1], f"{os.getpid():16}".encode())
            with os.fdopen(fds[0]) as questions, os.fdopen(fds[1], "w") as answers:
                bare_torch.answer(questions, answers)
            os._exit(0)
        for fd in fds:
            os.close(fd)


def _keep_bare_torch(bare: socket.socket) -> None:
    """As `need_torch` keeps one that it forks from a command's own process."""
    from gencpp.backends.libtorch import bare_torch, operators

    questions, ask = os.pipe()
    hear, answers = os.pipe()
    socket.send_fds(bare, [b"1"], [questions, answers])
    os.close(questions)
    os.close(answers)
    forked = bare_torch.Forked(pid=int(os.read(hear, 16)), questions=ask, answers=hear)
    operators.keep(forked)


def _run(client: socket.socket, bare: socket.socket) -> None:
    """The command, in the process that was forked for it; its end is this process's own."""
    size, fds, _, _ = socket.recv_fds(client, 8, 2)
    data = b""
    while len(data) < int.from_bytes(size, "big"):
        data += client.recv(1 << 16)
    client.close()
    import numpy as np

    request = json.loads(data)
    for target, fd in enumerate(fds, start=1):
        os.dup2(fd, target)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    tempfile.tempdir = None  # as TMPDIR says it now
    np.random.seed()  # as a new Python has it: another one each time
    sys.argv[1:] = request["argv"]
    if request["argv"][:1] in (["new"], ["inspect"], ["tune"]):  # which may ask it
        _keep_bare_torch(bare)
    bare.close()
    sys.path[0] = request["cwd"]  # as `python -m` has it
    try:
        runpy.run_module("gencpp", run_name="__main__", alter_sys=True)
    except SystemExit as e:
        _exit(e.code)
    except Exception:  # noqa: BLE001 - as Python does it
        sys.excepthook(*sys.exc_info())
        _exit(1)
    _exit(0)


def _exit(code: object) -> NoReturn:
    """As Python ends, without its last look at every object: that would copy all that was imported."""
    if not isinstance(code, int) and code is not None:
        print(code, file=sys.stderr)
        code = 1
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    serve(sys.argv[1])
