"""What users name, what is loaded for it, and what they are told when it goes wrong."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from places import SUPPORT

from gencpp.core.errors import EnvironmentLacks, UsageError
from gencpp.core.loaded import (
    ExportedProgramSource,
    FactorySource,
    LoadedModel,
    LoadOptions,
    OnnxSource,
    TorchScriptSource,
    TorchvisionSource,
    default_name,
    source_text,
)
from gencpp.sources.load import load_source, parse_source

HERE = str(SUPPORT)


def load(text: str, **options: Any) -> LoadedModel:
    return load_source(parse_source(text), LoadOptions(path=(HERE,), **options), lambda _: None)


def refusal(text: str, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        load(text, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "source", "name"),
    [
        ("resnet18", TorchvisionSource(name="resnet18"), "resnet18"),
        ("nets.small:make", FactorySource(module="nets.small", attr="make"), "make"),
        ("nets:Builder.tiny", FactorySource(module="nets", attr="Builder.tiny"), "tiny"),
        ("some/model.pt", TorchScriptSource(path=Path("some/model.pt")), "model"),
        ("model.onnx", OnnxSource(path=Path("model.onnx")), "model"),
        ("model.pt2", ExportedProgramSource(path=Path("model.pt2")), "model"),
    ],
)
def test_parse(text: str, source: Any, name: str) -> None:
    assert parse_source(text) == source
    assert default_name(source) == name
    assert "/" not in source_text(source)


@pytest.mark.parametrize("text", ["", "nets/small.py:make", "make:", ":make"])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(UsageError):
        parse_source(text)


def test_a_file_of_python_is_answered_with_the_right_command() -> None:
    with pytest.raises(UsageError, match=r"--model small:make --path nets"):
        parse_source("nets/small.py:make")


class TestTorchvision:
    def test_near_names(self) -> None:
        assert "resnet18" in refusal("resnet188")

    def test_detection_and_quantized_are_refused(self) -> None:
        assert "not supported" in refusal("fasterrcnn_resnet50_fpn")
        assert "use the float model: resnet18" in refusal("quantized_resnet18")

    def test_unknown_weights_are_listed(self) -> None:
        assert "IMAGENET1K_V2" in refusal("resnet50", weights="IMAGENET1K_V9")
        assert "no such file" in refusal("resnet18", weights="missing.pth")

    def test_none_gives_random_weights_with_a_warning(self) -> None:
        loaded = load("squeezenet1_1", weights="none")
        assert loaded.weights.kind == "random"
        for part in (
            "RANDOM WEIGHTS",
            "https://download.pytorch.org/",
            "hub/checkpoints/",
            "--weights DEFAULT",
        ):
            assert part in loaded.weights.warning
        assert str(Path.home()) not in loaded.weights.warning
        assert len(loaded.labels) == 1000

    def test_random_weights_follow_the_seed_and_leave_the_caller_alone(self) -> None:
        import torch

        torch.manual_seed(5)
        before = torch.rand(1)
        torch.manual_seed(5)
        first = load("squeezenet1_1", weights="none").module.state_dict()
        assert torch.equal(torch.rand(1), before)
        again = load("squeezenet1_1", weights="none").module.state_dict()
        other = load("squeezenet1_1", weights="none", seed=1).module.state_dict()
        assert all(torch.equal(first[k], again[k]) for k in first)
        assert not all(torch.equal(first[k], other[k]) for k in first)

    def test_file(self, tmp_path: Path) -> None:
        import torch

        state = load("squeezenet1_1", weights="none", seed=3).module.state_dict()
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "mine.pth")
        loaded = load("squeezenet1_1", weights=str(tmp_path / "mine.pth"))
        assert loaded.weights.kind == "user"
        assert loaded.weights.detail == "mine.pth"
        assert all(torch.equal(v, state[k]) for k, v in loaded.module.state_dict().items())
        assert len(loaded.notes) == 2

    def test_file_with_another_number_of_classes(self, tmp_path: Path) -> None:
        import torch
        from torchvision.models import squeezenet1_1

        torch.save(squeezenet1_1(num_classes=7).state_dict(), tmp_path / "seven.pth")
        loaded = load("squeezenet1_1", weights=str(tmp_path / "seven.pth"))
        assert loaded.labels == ()
        assert "7 classes" in loaded.notes[0]


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """squeezenet1_1's weights on a server of our own, under a name with their true hash."""
    import torch
    from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

    module = squeezenet1_1()
    torch.save(module.state_dict(), tmp_path / "raw.pth")
    data = (tmp_path / "raw.pth").read_bytes()
    name = f"squeeze-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    served = tmp_path / "served"
    served.mkdir()
    (served / name).write_bytes(data)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(served))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    monkeypatch.setattr(SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", url)
    target = tmp_path / "home" / "hub" / "checkpoints" / name
    yield SimpleNamespace(state=module.state_dict(), target=target, served=served / name, data=data)
    server.shutdown()
    thread.join()
    server.server_close()


class TestPublishedWeights:
    def test_downloaded_then_cached(self, published: SimpleNamespace) -> None:
        import torch

        said: list[str] = []
        options = LoadOptions(weights="DEFAULT")
        loaded = load_source(parse_source("squeezenet1_1"), options, said.append)
        assert loaded.weights.kind == "pretrained"
        assert loaded.weights.warning == ""
        assert published.target.read_bytes() == published.data
        assert all(torch.equal(v, published.state[k]) for k, v in loaded.module.state_dict().items())
        published.served.unlink()
        said.clear()
        assert load_source(parse_source("squeezenet1_1"), options, said.append).weights.kind == "pretrained"
        assert said == []

    def test_a_download_with_a_wrong_hash_is_not_kept(self, published: SimpleNamespace) -> None:
        published.served.write_bytes(published.data[:-100])
        loaded = load("squeezenet1_1")
        assert loaded.weights.kind == "random"
        assert "invalid hash" in loaded.weights.warning
        assert not list(published.target.parent.iterdir())
        with pytest.raises(EnvironmentLacks, match="invalid hash"):
            load("squeezenet1_1", weights="IMAGENET1K_V1")

    def test_time_limit(self, published: SimpleNamespace) -> None:
        loaded = load("squeezenet1_1", weights_timeout=0.01)
        assert "took longer than 0.01 s" in loaded.weights.warning

    def test_a_cached_file_that_is_not_the_published_one_is_not_used_silently(
        self, published: SimpleNamespace, tmp_path: Path
    ) -> None:
        import torch
        from torchvision.models import squeezenet1_1

        published.target.parent.mkdir(parents=True)
        torch.save(squeezenet1_1().state_dict(), published.target)
        loaded = load("squeezenet1_1")
        assert loaded.weights.kind == "user"
        assert "is not the published file" in loaded.weights.warning

    def test_a_truncated_cached_file(self, published: SimpleNamespace) -> None:
        published.target.parent.mkdir(parents=True)
        published.target.write_bytes(published.data[:5000])
        assert "cannot be loaded" in load("squeezenet1_1").weights.warning
        with pytest.raises(EnvironmentLacks, match="delete that file"):
            load("squeezenet1_1", weights="DEFAULT")


class TestFactory:
    def test_loads_in_eval_mode(self) -> None:
        loaded = load("models.tiny:cnn", inputs=("image:1x3x32x32",))
        assert not loaded.module.training
        assert loaded.weights.kind == "user"
        assert load("models.tiny:nested.make").default_name == "make"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("models.tiny:raises", "RuntimeError: no weights on this machine (support/models/tiny.py:"),
            ("models.tiny:no_module", "returned a dict"),
            ("models.tiny:cn", "did you mean cnn"),
            ("models.nowhere:make", "--path"),
            ("models.broken:make", "SyntaxError"),
        ],
    )
    def test_refused(self, text: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "broken.py").write_text("def make(:\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.chdir(Path(HERE).parent)
        message = refusal(text.replace("models.broken", "broken"))
        assert said in message
        assert "Traceback" not in message

    def test_missing_dependency(self, tmp_path: Path) -> None:
        (tmp_path / "needy.py").write_text("import not_installed_anywhere\n")
        with pytest.raises(EnvironmentLacks, match="not_installed_anywhere"):
            load_source(parse_source("needy:make"), LoadOptions(path=(str(tmp_path),)), lambda _: None)

    def test_state_dict(self, tmp_path: Path) -> None:
        import torch

        state = {k: v + 1 for k, v in load("models.tiny:cnn").module.state_dict().items()}
        torch.save({"model": state}, tmp_path / "w.pth")
        loaded = load("models.tiny:cnn", state_dict=str(tmp_path / "w.pth"))
        assert torch.equal(loaded.module.head.bias, state["head.bias"])
        del state["head.bias"]
        state["extra"] = torch.zeros(1)
        state["conv.weight"] = torch.zeros(2)
        torch.save(state, tmp_path / "w.pth")
        message = refusal("models.tiny:cnn", state_dict=str(tmp_path / "w.pth"))
        for part in (
            "1 missing",
            "head.bias",
            "1 unexpected",
            "extra",
            "1 of another shape",
            "conv.weight: (2,)",
        ):
            assert part in message

    def test_code_in_a_pickle_is_never_run(self, tmp_path: Path) -> None:
        import torch
        from models.tiny import Cnn

        torch.save(Cnn(), tmp_path / "whole.pth")
        assert (
            "cannot" not in refusal("models.tiny:cnn", state_dict=str(tmp_path / "whole.pth")).split(":")[0]
        )
        assert "pickled checkpoint" in refusal(str(tmp_path / "whole.pth"))

    def test_an_attribute_is_of_the_module_itself(self, tmp_path: Path) -> None:
        (tmp_path / "walks.py").write_text("import os\n")
        with pytest.raises(UsageError, match=r"walks\.os is a module, and not what walks defines"):
            load_source(parse_source("walks:os.getcwd"), LoadOptions(path=(str(tmp_path),)), lambda _: None)

    def test_options_of_another_source(self) -> None:
        assert "--weights FILE" in refusal("resnet18", state_dict="w.pth")
        assert "--state-dict FILE" in refusal("models.tiny:cnn", weights="none")


class TestTorchScript:
    def test_loads(self, tmp_path: Path) -> None:
        import warnings

        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.save(torch.jit.script(load("models.tiny:cnn").module), str(tmp_path / "m.pt"))
        loaded = load(str(tmp_path / "m.pt"))
        assert loaded.scripted
        assert loaded.default_name == "m"

    def test_other_files(self, tmp_path: Path) -> None:
        import torch

        state = load("models.tiny:cnn").module.state_dict()
        torch.save(state, tmp_path / "zip.pt")
        torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
        (tmp_path / "text.pt").write_text("no model")
        (tmp_path / "empty.pt").write_bytes(b"")
        (tmp_path / "cut.pt").write_bytes((tmp_path / "zip.pt").read_bytes()[:200])
        for name in ("zip.pt", "old.pt"):
            message = refusal(str(tmp_path / name))
            assert "pickled checkpoint" in message
            assert "--state-dict" in message
        assert "truncated" in refusal(str(tmp_path / "cut.pt"))
        for name in ("text.pt", "empty.pt"):
            assert "not a TorchScript file" in refusal(str(tmp_path / name))
        assert "no such file" in refusal(str(tmp_path / "none.pt"))

    def test_not_supported_yet(self) -> None:
        assert "not supported yet" in refusal("model.pt2")


def test_labels(tmp_path: Path) -> None:
    from gencpp.sources.load import read_labels

    file = tmp_path / "labels.txt"
    file.write_text("cat\nchien\nKätzchen\n\n", encoding="utf-8")
    assert read_labels(file) == ("cat", "chien", "Kätzchen")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8") as caught:
        read_labels(file)
    assert f"iconv -f latin1 -t UTF-8 {file} > labels-utf8.txt" in caught.value.hint
    file.write_text("cat\n\ndog\n")
    with pytest.raises(UsageError, match="empty lines: 2"):
        read_labels(file)


@pytest.mark.parametrize("text", ["x", ":1x3", "x:1x-3", "x:ax3", "x:1x3:float31", "x:1:float32:z"])
def test_input_refused(text: str) -> None:
    from gencpp.tensors.module import parse_input

    with pytest.raises(UsageError):
        parse_input(text)


@pytest.mark.parametrize("sizes", ["1x99999999999999999999", "1x100000x100000x100", "2147483648"])
def test_input_too_large(sizes: str) -> None:
    from gencpp.tensors.module import parse_input

    with pytest.raises(UsageError, match="more than 2147483647 elements"):
        parse_input(f"x:{sizes}:float32")


def test_a_name_that_is_too_long() -> None:
    name = "a" * 5000
    assert "no such file" in refusal(f"{name}.pt")
    assert "no such file" in refusal("models.tiny:cnn", state_dict=name)
    assert "no such file" in refusal("squeezenet1_1", weights=f"{name}.pth")
    refusal("models.tiny:cnn", preprocess=name)


def test_checkpoints_that_are_refused(tmp_path: Path) -> None:
    import warnings

    import torch
    from models.tiny import Cnn

    torch.save(Cnn(), tmp_path / "whole.pth")
    (tmp_path / "text.pth").write_text("no model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Cnn()), str(tmp_path / "script.pth"))
    for name, said in (
        ("whole.pth", "whole.pth holds Python objects (models.tiny.Cnn) besides tensors"),
        ("text.pth", "text.pth is not a file that torch.save wrote"),
        ("script.pth", "script.pth is a TorchScript file"),
    ):
        message = refusal("models.tiny:cnn", state_dict=str(tmp_path / name))
        assert said in message
        assert "\x1b" not in message
        assert "weights_only" not in message


@pytest.mark.parametrize(
    ("entry", "prefix", "notes"),
    [
        ("model_state_dict", "", 1),
        ("state_dict", "model.", 2),
        ("", "_orig_mod.", 1),
        ("model", "module._orig_mod.", 3),
    ],
)
def test_wrappers_are_undone(tmp_path: Path, entry: str, prefix: str, notes: int) -> None:
    import torch

    state = {k: v + 1 for k, v in load("models.tiny:cnn").module.state_dict().items()}
    wrapped: Any = {prefix + k: v for k, v in state.items()}
    torch.save({entry: wrapped, "epoch": 3} if entry else wrapped, tmp_path / "w.pth")
    loaded = load("models.tiny:cnn", state_dict=str(tmp_path / "w.pth"))
    assert torch.equal(loaded.module.head.bias, state["head.bias"])
    assert len(loaded.notes) == notes


def test_a_prefix_that_is_the_models_own_stays(tmp_path: Path) -> None:
    import torch

    from gencpp.sources.weights import load_state_dict_file

    torch.save({"model.weight": torch.ones(1)}, tmp_path / "w.pth")
    assert load_state_dict_file(tmp_path / "w.pth", ["model.weight"])[1] == ()
    assert list(load_state_dict_file(tmp_path / "w.pth")[0]) == ["weight"]


def test_a_decorated_factory_is_asked_by_calling_it() -> None:
    """A decorator that gives the arguments has the signature of what it wraps."""
    import functools

    from gencpp.sources.factory import call

    def configured(make: Any) -> Any:
        @functools.wraps(make)
        def with_config() -> Any:
            return make(7)

        return with_config

    @configured
    def make(size: int) -> int:
        return size

    assert call(make, "nets:make") == 7
    assert call(functools.partial(lambda size: size, 8), "nets:part") == 8
    for wrong in (lambda size: size, int.__add__):
        with pytest.raises(UsageError, match="cannot be called without arguments"):
            call(wrong, "nets:wrong")

    def own() -> None:
        raise TypeError("mine")

    with pytest.raises(UsageError, match=r"raised TypeError: mine \(.*test_sources.py:"):
        call(own, "nets:own")
