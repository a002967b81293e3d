"""The command line as a user meets it: one clear message, the documented exit code, nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from places import MODELS, PACKAGE, ROOT

Gencpp = Callable[..., subprocess.CompletedProcess[str]]

INPUT = ("--input", "x:1x6:float32")
TRT = ["--backend", "tensorrt"]


def refused(
    done: subprocess.CompletedProcess[str], code: int, *parts: str, folder: Path | None = None
) -> None:
    """The exit code, one message on stderr that has `parts`, no traceback, and an untouched folder."""
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.count("gencpp: error:") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for part in parts:
        assert part in done.stderr, done.stderr
    if folder is not None:
        assert os.listdir(folder) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--model", "resnet81"], ["resnet18"]),
        (["--model", "fasterrcnn_resnet50_fpn"], ["detection"]),
        (["--model", "tiny:raises"], ["RuntimeError", "no weights on this machine", "tiny.py:"]),
        (["--model", "tiny:no_module"], ["dict"]),
        (["--model", "tiny:number"], ["returned an int"]),
        (["--model", "tiny:sized"], ["without arguments", "'classes'", "def make()"]),
        (
            ["--model", "tiny:StateTuple", "--input", "x:1x5x6", "--input", "state:2x1x4"],
            ["fails on x 1x5x6", "takes state as tuple[Tensor, Tensor]", "an --input is one tensor"],
        ),
        (["--model", "tiny:StateTuple"], ["takes state as tuple[Tensor, Tensor]", "an argument of its own"]),
        (["--model", "tiny:named", *INPUT, "--name", ""], ["word 6 behind `gencpp new`", "empty"]),
        (["--model", "tiny:named", *INPUT, "--state-dict="], ["--state-dict=", "without a value"]),
        (["--model", str(ROOT / "README.md")], ["README.md is not a TorchScript file", "A model is a"]),
        (["--model", str(ROOT / "docs")], ["docs is a folder", "A model is a"]),
        (["--model", "tiny:cnm"], ["cnn"]),
        (["--model", "no_such_module:make"], ["no_such_module", "--path"]),
        (["--model", "tiny:cnn"], ["--input image:1x3x224x224:float32"]),
        (["--model", "tiny:cnn", "--input", "image:1x3xq:float32"], ["--input"]),
        (["--model", "missing.pt"], ["missing.pt"]),
        (["--model", "missing.onnx"], ["ONNX", "--backend tensorrt"]),
        (["--model", "missing.onnx", "--backend", "tensorrt"], ["missing.onnx", "no such file"]),
        (["--model", "resnet18", "--weights", "IMAGENET1K_V9"], ["IMAGENET1K_V1"]),
        (
            [
                "--model",
                "tiny:cnn",
                "--input",
                "image:1x3x32x32:float32",
                "--preprocess",
                "tiny:bad_preprocess",
            ],
            ["RandomHorizontalFlip", "Lambda", "GaussianBlur"],
        ),
        (["--model", "tiny:named", *INPUT, "--labels", "missing.txt"], ["missing.txt"]),
        (["--model", "tiny:named", *INPUT, "--name", "---"], ["--name my_model"]),
        (["--model", "tiny:named", *INPUT, "--name", "../../x"], ["--name ../../x", "Such as: --name x"]),
        (["--model", "tiny:named", *INPUT, "--name", "class"], ["a keyword of C++", "--name class_model"]),
        (["--model", "tiny:named", *INPUT, "--name", "index"], ["a global name", "--name index_model"]),
        (["--model", "tiny:named", *INPUT, "--dynamic", "x:0=4"], ["--dynamic"]),
        (["--model", "tiny:named", *INPUT, "--backend", "onnxruntime"], ["libtorch"]),
        (["--model", "tiny:named", *INPUT, "--precision", "fp8"], ["fp8", "libtorch", "fp32, fp16, bf16"]),
        (
            ["--model", "tiny:named", *INPUT, *TRT, "--precision", "fp8"],
            ["fp8", "tensorrt", "fp32, fp16, bf16"],
        ),
        (["--model", "tiny:named", *INPUT, *TRT, "--tensorrt-min", "7.2"], ["7.2", "8.5"]),
        (["--model", "tiny:named", *INPUT, *TRT, "--trt-api", "layers"], ["layers", "parser, network"]),
        (["--model", "tiny:named", *INPUT, "--no-such-option"], ["--no-such-option"]),
    ],
    ids=lambda value: "-".join(v.strip("-") for v in value)[:60] if isinstance(value, list) else None,
)
def test_bad_input_exits_2(gencpp: Gencpp, tmp_path: Path, arguments: list[str], parts: list[str]) -> None:
    done = gencpp("new", *arguments, "--path", MODELS, tmp_path / "deep" / "out")
    refused(done, 2, *parts, folder=tmp_path)


def test_a_pickle_is_never_unpickled(gencpp: Gencpp, tmp_path: Path) -> None:
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'exploded'}",)

    file = tmp_path / "model.pt"
    file.write_bytes(pickle.dumps(Bomb()))
    done = gencpp("new", "--model", file, tmp_path / "out")
    refused(done, 2, "--state-dict")
    done = gencpp(
        "new", "--model", "tiny:cnn", "--path", MODELS, "--state-dict", file, *INPUT, tmp_path / "out"
    )
    refused(done, 2, "model.pt")
    assert not (tmp_path / "exploded").exists()
    assert os.listdir(tmp_path) == ["model.pt"]


def test_wrong_keys_are_listed(gencpp: Gencpp, tmp_path: Path) -> None:
    import torch

    torch.save({"conv.weight": torch.zeros(8, 3, 3, 3), "stem.bias": torch.zeros(8)}, tmp_path / "w.pt")
    arguments = ["new", "--model", "tiny:cnn", "--path", MODELS, "--state-dict", tmp_path / "w.pt"]
    done = gencpp(*arguments, "--input", "image:1x3x32x32:float32", tmp_path / "out")
    refused(done, 2, "head.weight", "stem.bias")


def test_weights_that_cannot_be_had_exit_3(gencpp: Gencpp, tmp_path: Path) -> None:
    home = {
        "TORCH_HOME": str(tmp_path / "home"),
        "https_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    done = gencpp("new", "--model", "resnet18", "--weights", "DEFAULT", tmp_path / "out", env=home)
    refused(done, 3, "resnet18-f37072fd.pth")
    assert not (tmp_path / "out").exists()


def test_foreign_folder_is_refused_before_anything_is_loaded(gencpp: Gencpp, tmp_path: Path) -> None:
    (tmp_path / "work.txt").write_text("mine")
    done = gencpp("new", "--model", "resnet18", tmp_path)
    refused(done, 2, "not written by gencpp")
    assert (tmp_path / "work.txt").read_text() == "mine"


def test_the_root_is_refused(gencpp: Gencpp) -> None:
    refused(gencpp("new", "--model", "resnet18", "/"), 2, "must not be the root")


def test_the_current_folder_is_taken_where_it_is_empty_or_ours(gencpp: Gencpp, tmp_path: Path) -> None:
    arguments = ("new", "--model", "tiny:named", "--path", MODELS, *INPUT, ".", "--force", "--name")
    for name, said in (("first", ""), ("second", "holds the project first of tiny:named on libtorch")):
        done = gencpp(*arguments, name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert said in done.stderr and (tmp_path / "include" / name / "model.hpp").is_file()
    assert not (tmp_path / "include" / "first").exists()
    (tmp_path / "src" / "tensor" / "tensor.cpp").write_text("// mine\n")
    done = gencpp(*arguments, "second", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "  kept      .gencpp/kept-1/src/tensor/tensor.cpp\n" in done.stdout


def test_a_kill_of_the_real_command_is_mended_by_the_next(gencpp: Gencpp, tmp_path: Path) -> None:
    """Of any command: here one that only reads the project."""
    code = (
        "import os, signal\nfrom gencpp.project import steps\n"
        "def at(step):\n    step.startswith('placed src/') and os.kill(os.getpid(), signal.SIGKILL)\n"
        "steps._hook = at\nfrom gencpp.cli.main import main\nmain()\n"
    )
    arguments = (
        "new",
        "--model",
        "tiny:named",
        "--path",
        str(MODELS),
        *INPUT,
        str(tmp_path / "out"),
        "--name",
    )
    assert gencpp(*arguments, "first").returncode == 0
    done = subprocess.run([sys.executable, "-c", code, *arguments, "second"], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    done = gencpp("tune", tmp_path / "out")
    refused(done, 2, "what it had changed was taken back", "--model tiny:named")
    assert (tmp_path / "out" / "include" / "first" / "model.hpp").is_file()
    assert os.listdir(tmp_path / "out" / ".gencpp") == ["base.zip"]


@pytest.mark.parametrize("command", [("",), ("verify", ""), ("bench", ""), ("models", "")])
def test_an_empty_word_is_no_folder(gencpp: Gencpp, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A path of no characters would be the current folder."""
    given = command if len(command) == 2 else ("new", "--model", "tiny:named", *INPUT, *command)
    refused(gencpp(*given, cwd=tmp_path), 2, "is empty", "A variable of the shell", folder=tmp_path)


def test_a_file_where_a_folder_has_to_be(gencpp: Gencpp, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    out = file / "deep" / "out"
    refused(gencpp("new", "--model", "tiny:named", *INPUT, "--path", MODELS, out), 2, f"{file} is no folder")


@pytest.mark.parametrize("command", ["-V", "models resnet", "doctor", "inspect resnet18"])
def test_a_standard_output_that_is_closed(command: str) -> None:
    argv = ["sh", "-c", f'exec "$0" -m gencpp {command} >&-', sys.executable]
    done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    told = "gencpp: error: standard output is closed\nLeave it open, or send it to /dev/null.\n"
    assert (done.returncode, done.stderr) == (3, told)


@pytest.mark.parametrize(("command", "code"), [("models resnet", 0), ("new --model resnet81 out", 2)])
def test_a_standard_error_that_is_closed(command: str, code: int) -> None:
    argv = ["sh", "-c", f'exec "$0" -m gencpp {command} 2>&- <&-', sys.executable]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    assert done.returncode == code and ("resnet18" in done.stdout) == (code == 0)


@pytest.mark.parametrize("command", [("models", "resnet"), ("-h",), ("-V",), ("doctor",)])
def test_standard_output_that_takes_nothing(command: tuple[str, ...]) -> None:
    argv = [sys.executable, "-m", "gencpp", *command]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    told = "gencpp: error: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (3, f"{told}Make room, or write to another place.\n")


def test_a_disk_that_cannot_be_written(gencpp: Gencpp) -> None:
    refused(gencpp("new", "--model", "resnet18", "/proc/gencpp/out"), 3, "/proc/gencpp")


def test_a_full_disk(gencpp: Gencpp, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    try:
        done = gencpp("new", "--model", "squeezenet1_1", "--weights", "none", disk / "out")
        refused(done, 3, folder=disk)
        assert "full" in done.stderr or "space" in done.stderr
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_verify_of_what_is_no_project(gencpp: Gencpp, tmp_path: Path) -> None:
    refused(gencpp("verify", tmp_path), 2, "gencpp.json")
    refused(gencpp("verify", tmp_path / "none"), 2, "does not exist")


def test_verify_takes_steps_by_their_names(gencpp: Gencpp, photo_copy: Path) -> None:
    steps = "doctor, configure, build, test, parity, bench, consumer-subdirectory, install, consumer-package"
    done = gencpp("verify", photo_copy, "--only", "build,parrity")
    refused(done, 2, "--only: there is no step 'parrity'", f"The steps of this project: {steps}.")
    refused(gencpp("verify", photo_copy, "--skip", "test,"), 2, "--skip test,: a name is empty")
    done = gencpp("verify", photo_copy, "--only", "test", "--skip", "build")
    refused(done, 2, "--skip build: test, which --only names, needs it")
    refused(gencpp("verify", photo_copy, "-j", "0"), 2, "--jobs 0: at least one job is needed")


def test_verify_of_one_step_is_incomplete(gencpp: Gencpp, photo_copy: Path) -> None:
    """What is told goes to standard error, a line a step; the table says once why the others did not run."""
    done = gencpp("verify", photo_copy, "--only", "doctor")
    assert done.returncode == 3, done.stdout + done.stderr
    begin, end = done.stderr.splitlines()
    assert begin == "gencpp: [1/1] doctor" and end.startswith("gencpp: [1/1] doctor: passed after ")
    assert done.stdout.count("left out by --only doctor") == 1 and done.stdout.count("as configure") == 7
    assert gencpp("verify", photo_copy, "--only", "doctor", "--allow-incomplete").returncode == 0


def test_no_compiler(gencpp: Gencpp, photo_copy: Path) -> None:
    done = gencpp("verify", photo_copy, env={"PATH": "/nowhere", "CXX": ""})
    refused(done, 3, "C++ compiler", "apt install g++")


def test_no_torch(gencpp: Gencpp, photo_copy: Path, tmp_path: Path) -> None:
    """A Python that cannot import torch, simulated by a package that shadows it."""
    (tmp_path / "shadow" / "torch").mkdir(parents=True)
    (tmp_path / "shadow" / "torch" / "__init__.py").write_text("raise ImportError('no torch here')\n")
    shadow = {"PYTHONPATH": f"{tmp_path / 'shadow'}{os.pathsep}{PACKAGE}"}
    done = gencpp("new", "--model", "resnet18", tmp_path / "out", env=shadow)
    refused(done, 3, "pip install torch")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Interrupted in the middle of the work: after the staging folder was made, before it is renamed."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gencpp",
            "new",
            "--model",
            "resnet18",
            "--weights",
            "none",
            str(tmp_path / "out"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    deadline = time.monotonic() + 60
    while not os.listdir(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(1.0)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "interrupted" in stderr and "Traceback" not in stderr
    assert os.listdir(tmp_path) == []


def test_an_interrupt_that_a_library_swallowed_ends_the_next_step() -> None:
    """Imports of large packages have bare excepts, which take a KeyboardInterrupt too."""
    code = (
        "import os, signal\nfrom gencpp.cli import show\n"
        "signal.signal(signal.SIGINT, show.interrupt)\n"
        "with show.progressing(quiet=True) as progress:\n"
        "    progress('before')\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGINT)\n        pass\n"
        "    except:\n        pass\n"
        "    try:\n        progress('after')\n"
        "    except KeyboardInterrupt:\n        print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout == "ended\n", done.stderr


def test_an_interrupt_that_became_another_error_is_one() -> None:
    """Python 3.11 makes a RuntimeError of one that comes while a class is made, as in `import torch`."""
    code = (
        "import signal, sys\nfrom gencpp.cli import main, show\n"
        "class Interrupted:\n"
        "    def __set_name__(self, owner, name): signal.raise_signal(signal.SIGTERM)\n"
        "def app(**_):\n"
        "    type('Made', (), {'part': Interrupted()})\n"
        "main.app = app\nsys.argv = ['gencpp', 'new']\nmain.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 130 and "interrupted; nothing was written" in done.stderr, done.stderr
    assert "bug of gencpp" not in done.stderr


def test_what_torch_says_at_length_is_in_a_log_that_the_message_names(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom gencpp.cli import main\nfrom gencpp.core.errors import CheckFailed\n"
        "def app(**_):\n    raise CheckFailed('it is short', details='graph(%x):\\n' * 1000)\n"
        "main.app = app\nsys.argv = ['gencpp', 'new']\nmain.main()\n"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, env=env)
    first, second = done.stderr.splitlines()
    assert (done.returncode, first) == (1, "gencpp: error: it is short")
    log = Path(second.removeprefix("All that was said, with the graphs: "))
    assert log.parent == tmp_path and log.read_text() == "graph(%x):\n" * 1000


def test_new_says_what_it_did_and_json_is_json(gencpp: Gencpp, tmp_path: Path) -> None:
    done = gencpp("new", "--model", "tiny:named", "--path", MODELS, *INPUT, tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["project"]["name"] == "named"
    assert [o["name"] for o in data["project"]["model"]["outputs"]] == ["scores", "best"]
    done = gencpp("new", "--model", "tiny:named", "--path", MODELS, *INPUT, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "next: gencpp verify" in done.stdout


def test_two_runs_give_the_same_project(gencpp: Gencpp, tmp_path: Path) -> None:
    trees = []
    for name in ("a", "b"):
        out = tmp_path / name / "out"
        done = gencpp(
            "new",
            "--model",
            "tiny:two_in_three_out",
            "--path",
            MODELS,
            out,
            "--input",
            "left:2x6:float32",
            "--input",
            "right:2x5:float32",
            "--seed",
            "5",
        )
        assert done.returncode == 0, done.stderr
        trees.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert trees[0].keys() == trees[1].keys()
    assert [p for p in trees[0] if trees[0][p] != trees[1][p]] == []


def test_inspect(gencpp: Gencpp) -> None:
    done = gencpp("inspect", "tiny:cnn", "--path", MODELS, "--input", "image:1x3x32x32:float32", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    # 15x15 outputs of 8 channels from 3x3x3 each, and the head.
    assert data["multiply_adds"] == 15 * 15 * 8 * 27 + 80
    assert data["model"]["parameters"] == 8 * 27 + 8 + 16 + 90
    assert data["operators"]["convolution"] == 1
    assert data["backends"]["libtorch"].startswith("yes")
    assert data["backends"]["tensorrt"].startswith("yes, from 10.0 on: torch.onnx.export (dynamo)")
    operators = {o["operator"]: o for o in data["onnx_operators"]}
    assert operators["Conv"] == {"operator": "Conv", "nodes": 1, "tensorrt_since": "8.5"}


def test_models_lists_every_builder(gencpp: Gencpp) -> None:
    import torchvision

    done = gencpp("models", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert sorted(rows) == sorted(torchvision.models.list_models())
    assert rows["resnet18"]["input"] == "3x224x224" and rows["resnet18"]["libtorch"] == "yes"
    assert rows["fasterrcnn_resnet50_fpn"]["libtorch"].startswith("no")


def test_doctor(gencpp: Gencpp) -> None:
    done = gencpp("doctor", "--json")
    findings = {f["name"]: f for f in json.loads(done.stdout)["findings"]}
    assert findings["C++ compiler"]["status"] in ("ok", "missing")
    assert findings["LibTorch"]["status"] == "ok", findings
    done = gencpp("doctor", env={"CXX": "no-such-compiler"})
    assert done.returncode == 3 and "apt install g++" in done.stdout


def test_version_and_help(gencpp: Gencpp) -> None:
    from gencpp import __version__

    assert gencpp("--version").stdout.strip() == f"gencpp {__version__}"
    text = gencpp("--help").stdout
    for command in ("new", "verify", "inspect", "models", "doctor"):
        assert command in text


def test_python_without_torchscript() -> None:
    from gencpp.backends.libtorch.options import check_python
    from gencpp.core.errors import EnvironmentLacks

    check_python((3, 13))
    with pytest.raises(EnvironmentLacks, match=r"Python 3\.14") as raised:
        check_python((3, 14))
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["--input", "x:1x6:float32", "--dynamic", "x:0=1:1:99999999999999999999"], 2, "65536"),
        (["--input", "x:1x6:float32", "--dynamic", "x:1=1:1:4"], 2, "does not run with x 1x1"),
        (["--input", "x:1x6:float32", "--seed", "99999999999999999999"], 2, "--seed"),
        (["--input", "x:1x99999999999999999999:float32"], 2, "x"),
        (["--input", "x:1x6:float32", "--name", "a" * 300], 2, "64 characters"),
    ],
)
def test_sizes_beyond_reason(
    gencpp: Gencpp, tmp_path: Path, arguments: list[str], code: int, part: str
) -> None:
    done = gencpp("new", "--model", "tiny:named", "--path", MODELS, *arguments, tmp_path / "out")
    refused(done, code, part, folder=tmp_path)


def test_paths_that_cmake_or_the_system_cannot_take(gencpp: Gencpp, tmp_path: Path) -> None:
    refused(gencpp("new", "--model", "resnet18", tmp_path / "a;b"), 2, "';'", folder=tmp_path)
    done = gencpp("new", "--model", "resnet18", tmp_path / ("x" * 5000))
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr, done.stderr


def test_json_is_alone_on_stdout_when_the_model_prints(gencpp: Gencpp, tmp_path: Path) -> None:
    source = "import torch\nprint('import')\n\ndef make():\n    print('factory')\n"
    source += "    return torch.nn.Linear(6, 4)\n"
    (tmp_path / "loud.py").write_text(source)
    done = gencpp("inspect", "loud:make", "--path", tmp_path, "--input", "input:1x6:float32", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["multiply_adds"] == 24
    assert "factory" in done.stderr


def test_no_command_shows_the_help(gencpp: Gencpp) -> None:
    done = gencpp()
    assert done.returncode == 2 and "Usage" in done.stdout and "error" not in done.stderr


def test_what_a_file_says_does_not_command_the_terminal(gencpp: Gencpp, tmp_path: Path) -> None:
    (tmp_path / "gencpp.json").write_text(json.dumps({"schema": "\x1b]0;mine\x07\x1b[2J\x9b"}))
    done = gencpp("verify", tmp_path)
    assert done.returncode == 2 and r"\x1b]0;mine\x07\x1b[2J\x9b" in done.stderr
    assert not {"\x1b", "\x07", "\x9b"} & set(done.stderr)


def test_rows_are_wrapped_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gencpp.cli.show import fail, print_row

    text = "no: it calls operators:\n  torchvision::nms, called by the model itself, and by nobody else"
    print_row("libtorch", text, width=10)
    assert capsys.readouterr().out == (
        "  libtorch    no: it calls operators:\n"
        "                torchvision::nms, called by the model itself, and by nobody else\n"
    )
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    print_row("libtorch", text, width=10)
    fail(text, "")
    said = capsys.readouterr()
    assert said.out == (
        "  libtorch    no: it calls operators:\n"
        "                torchvision::nms, called by the model\n"
        "                itself, and by nobody else\n"
    )
    assert all(len(line) <= 60 for line in said.err.splitlines())
    assert said.err.splitlines()[0] == "gencpp: error: no: it calls operators:"


def test_an_interrupt_before_there_is_a_command() -> None:
    """While its modules are imported, which takes a tenth of a second."""
    code = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv = ['gencpp', '--version']\nfrom gencpp.__main__ import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 130 and done.stderr == "gencpp: error: interrupted; nothing was written\n"


def test_a_name_after_the_model_is_told_where_it_is_another(tmp_path: Path) -> None:
    from gencpp.core.progress import noticed
    from gencpp.core.request import Request
    from gencpp.pipeline import _name

    def named(source: str) -> tuple[str, list[str]]:
        said: list[str] = []
        found = _name(Request(source=source, backend="libtorch", out=tmp_path), said.append)
        return found, [noticed(text) for text in said]

    assert named("nets:make") == ("make", [])
    name, (told,) = named("nets:index")
    assert (
        name == "index_model" and "the project of 'index' is called index_model" in told and "--name" in told
    )
    name, (told,) = named("ResNet-50.onnx")
    assert name == "resnet_50" and "'ResNet-50'" in told and "lower-case letters" in told
    name, (told,) = named("nets:NaN")
    assert name == "nan_model" and "nan is a global name" in told and "lower-case" not in told


def test_names_that_are_not_utf_8(gencpp: Gencpp, tmp_path: Path) -> None:
    """Of folders: refused where a project would keep them, and never broken JSON or a traceback."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    (folder / "out").mkdir(parents=True)
    told = "is not UTF-8 text"
    for command in (("new", "--model", "tiny:named", "--path", MODELS, *INPUT), ("verify",), ("bench",)):
        refused(gencpp(*command, "--json", folder / "out"), 2, told, "caf\\udce9")
        refused(gencpp(*command, "--json", "out", cwd=folder), 2, told, "caf\\udce9")
    assert os.listdir(folder / "out") == []


def test_json_holds_no_half_characters(capsys: pytest.CaptureFixture[str]) -> None:
    from gencpp.cli.show import print_json

    print_json({"caf\udce9": ["\U0001f63a", "ü", 1.5, None]})
    assert capsys.readouterr().out == '{"caf\\ufffd": ["\\ud83d\\ude3a", "\\u00fc", 1.5, null]}\n'
