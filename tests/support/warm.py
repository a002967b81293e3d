"""`gencpp` without its start: a process that has imported what the command imports, and forks for each call.

The command takes 4 s to import torch and the exporters, and tests of its messages are many. A call is a
process of its own all the same: with its own arguments, folder, streams, exit code and end. A second process,
which has imported torch alone, forks the one that a call asks for LibTorch's operators (bare_torch).
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HEAVY = ("torch", "torchvision", "onnx", "onnxscript", "torch.onnx", "torch.export", "PIL.Image")
"""What commands import when they come to it; onnxruntime is not here, since it starts a thread."""
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
    import importlib

    importlib.import_module("torch")
    bare = _bare_torches()
    for name in (*HEAVY, "gencpp.cli.main", "gencpp.backends.libtorch.operators"):
        importlib.import_module(name)
    gc.freeze()  # a collection in a fork would copy every page
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            client, _ = server.accept()
            # The one that waits for the command, so that a second client need not wait for the first.
            if os.fork() == 0:
                server.close()
                if (command := os.fork()) == 0:
                    break
                _, status = os.waitpid(command, 0)
                client.sendall(str(os.waitstatus_to_exitcode(status)).encode())
                os._exit(0)
            client.close()
            while True:  # those that have ended
                try:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
                except ChildProcessError:
                    break
    _run(client, bare)


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
    request = json.loads(data)
    for target, fd in enumerate(fds, start=1):
        os.dup2(fd, target)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv[1:] = request["argv"]
    _keep_bare_torch(bare)
    bare.close()
    sys.path[0] = request["cwd"]  # as `python -m` has it
    runpy.run_module("gencpp", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve(sys.argv[1])
