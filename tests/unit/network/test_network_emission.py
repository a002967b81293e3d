"""network.cpp as a reader sees it: functions, loops, parameters; and that it makes the plan's calls.

The C++ is read as Python here (network_reading.py); test_network_cpp.py compiles it.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from network_plans import Writer, blocks, lenet, resnet18
from network_reading import calls_expected, calls_of, functions_of
from places import GENERATED, ROOT

from gencpp.core.cpp import string_literal
from gencpp.core.spec import DType
from gencpp.network import plan as p
from gencpp.network.emit import network_cpp, weights_info_header
from gencpp.network.emit.lines import WIDTH

GOLDEN = ROOT / "tests" / "golden" / "network"


def emitted(plan: p.NetworkPlan, name: str = "sample") -> str:
    """The code, which makes exactly the plan's calls in the plan's order."""
    cpp = network_cpp(name, plan)
    assert calls_of(cpp) == calls_expected(plan)
    assert cpp == network_cpp(name, plan), "not deterministic"
    return cpp


@pytest.mark.parametrize("make", [resnet18, lenet])
def test_golden(make: object, request: pytest.FixtureRequest) -> None:
    plan: p.NetworkPlan = make()  # type: ignore[operator]
    files = {"network.cpp": emitted(plan), "weights_info.hpp": weights_info_header("sample", plan)}
    folder = GOLDEN / make.__name__  # type: ignore[attr-defined]
    for name, text in files.items():
        if request.config.getoption("--update-golden"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        kept = (folder / name).read_text()
        assert text == kept, "otherwise than tests/golden/network (--update-golden writes it anew)"


def test_resnet18_reads_like_the_figure() -> None:
    functions = functions_of(emitted(resnet18()))
    assert list(functions) == ["basic_block", "define_layers"]
    head = functions["basic_block"].splitlines()[0]
    assert head.endswith("const std::string& at, std::int64_t stride, bool downsample) {")
    body = functions["define_layers"]
    assert len(re.findall(r"basic_block\(", body)) == 8
    assert 'basic_block(net, x, "layer2.0", 2, /*downsample=*/true);' in body
    for comment in ("conv1 to maxpool: Nx3x224x224 -> Nx64x56x56", "layer4: Nx256x14x14 -> Nx512x7x7"):
        assert f"// {comment}\n" in body
    assert "// avgpool to fc: Nx512x7x7 -> Nx1000\n" in body


def test_equal_blocks_become_one_function_and_a_loop() -> None:
    w = Writer()
    x = blocks(w, [f"layers.block_{i}" for i in range(7, 12)], "x")
    functions = functions_of(emitted(w.plan(x)))
    assert list(functions) == ["block", "define_layers"]
    assert "for (int i = 7; i < 12; ++i) {" in functions["define_layers"]
    assert 'x = block(net, x, "layers.block_" + std::to_string(i));' in functions["define_layers"]


def test_two_calls_are_no_loop() -> None:
    w = Writer()
    cpp = emitted(w.plan(blocks(w, ["a.0", "a.1"], "x")))
    assert "for (" not in cpp
    assert cpp.count("block(net, x, ") == 2


def test_a_gap_ends_a_loop() -> None:
    w = Writer()
    x = blocks(w, [f"a.{i}" for i in (0, 1, 2, 4, 5, 6, 7)], "x")
    cpp = emitted(w.plan(x))
    assert "for (int i = 0; i < 3; ++i)" in cpp
    assert "for (int i = 4; i < 8; ++i)" in cpp


def test_an_index_with_zeros_in_front_is_no_loop() -> None:
    w = Writer()
    cpp = emitted(w.plan(blocks(w, ["a.b01", "a.b02", "a.b03"], "x")))
    assert "for (" not in cpp


def test_an_argument_that_differs_ends_a_loop() -> None:
    w = Writer()
    x = "x"
    for i, groups in enumerate((1, 1, 1, 8, 8, 8)):
        w.modules[f"a.{i}"] = "Block"
        x = w.conv(f"a.{i}.conv1", x, groups=groups)
        x = w.conv(f"a.{i}.conv2", w.relu(f"a.{i}.relu1", x))
        x = w.relu(f"a.{i}.relu2", x)
    cpp = emitted(w.plan(x))
    assert "for (int i = 0; i < 3; ++i) {" in cpp
    assert "for (int i = 3; i < 6; ++i) {" in cpp
    assert "std::int64_t groups" in cpp


def test_a_tensor_that_is_used_later_is_not_lost_in_a_loop() -> None:
    w = Writer()
    x = blocks(w, ["a.0", "a.1"], "x")
    middle = x
    x = blocks(w, ["a.2", "a.3"], x)
    emitted(w.plan(w.add("sum", x, middle)))
    emitted(w.plan(x, middle))


def test_differing_attributes_become_parameters_that_vary_together() -> None:
    w = Writer()
    x = "x"
    for i, (stride, size) in enumerate(((1, 1), (2, 2), (2, 5))):
        at = f"stage{i}"
        w.modules[at] = "Stage"
        x = w.conv(f"{at}.a", x, stride=stride, padding=size)
        x = w.conv(f"{at}.b", w.relu(f"{at}.r", x), stride=stride)
        x = w.relu(f"{at}.s", x)
    functions = functions_of(emitted(w.plan(x)))
    head = functions["stage"].splitlines()[0]
    assert head.endswith("const std::string& at, std::int64_t stride, std::int64_t padding) {")
    assert functions["stage"].count("stride(stride)") == 2
    assert "padding(padding)" in functions["stage"]
    assert 'stage(net, x, "stage2", 2, 5);' in functions["define_layers"]


def test_sizes_that_are_multiples_take_one_parameter() -> None:
    w = Writer()
    x = "x"
    for i, channels in enumerate((8, 16, 24)):
        at = f"mix{i}"
        w.modules[at] = "Shuffle"
        x = w.layer(p.Shuffle, f"{at}/reshape", x, reshape=(0, 2, channels, -1))
        x = w.layer(p.Shuffle, f"{at}/transpose", x, first_transpose=(0, 2, 1, 3))
        x = w.relu(f"{at}.relu", x)
        x = w.layer(p.Shuffle, f"{at}/reshape_1", x, reshape=(0, 2 * channels, 4, 4))
    functions = functions_of(emitted(w.plan(x)))
    (head, *body) = functions["shuffle"].splitlines()
    assert head.count("std::int64_t") == 1
    assert "Dims{0, 2 * " in "".join(body)


def test_sides_that_differ_are_given_as_spatial() -> None:
    w = Writer()
    x = "x"
    for i, padding in enumerate(((0, 3), (3, 0), 2)):
        w.modules[f"m{i}"] = "Factored"
        x = w.conv(f"m{i}.a", x, padding=padding)
        x = w.conv(f"m{i}.b", w.relu(f"m{i}.r", x))
        x = w.relu(f"m{i}.s", x)
    cpp = emitted(w.plan(x))
    assert "const Spatial& padding" in cpp
    assert '"m0", {0, 3});' in cpp
    assert '"m2", 2);' in cpp


def test_a_part_that_some_lack_is_a_branch() -> None:
    w = Writer()
    x = "x"
    for i in range(4):
        at = f"b{i}"
        w.modules |= {at: "Gated", f"{at}.gate": "Gate"}
        y = w.relu(f"{at}.relu", w.conv(f"{at}.conv1", x))
        if i % 2:
            y = w.conv(f"{at}.gate.fc2", w.relu(f"{at}.gate.relu", w.conv(f"{at}.gate.fc1", y)))
            y = w.relu(f"{at}.gate.out", y)
        x = w.add(f"{at}/add", w.conv(f"{at}.conv2", y), x)
    functions = functions_of(emitted(w.plan(x)))
    assert list(functions) == ["gate", "gated", "define_layers"]
    assert "if (with_gate) {" in functions["gated"]
    assert functions["define_layers"].count("=*/true") == 2


def test_a_residual_that_some_lack_is_a_branch() -> None:
    w = Writer()
    x = "x"
    for i in range(4):
        at = f"b{i}"
        w.modules[at] = "Inverted"
        y = w.conv(f"{at}.c", w.relu(f"{at}.b", w.conv(f"{at}.a", x)))
        x = w.add(f"{at}/add", y, x) if i != 2 else y
    functions = functions_of(emitted(w.plan(x)))
    assert list(functions) == ["inverted", "define_layers"]
    assert "if (residual) {\n    y = net.add(y, x, at" in functions["inverted"]
    assert '"b2", /*residual=*/false);' in functions["define_layers"]


def test_blocks_with_other_wiring_stay_apart() -> None:
    w = Writer()
    x = blocks(w, ["a", "b"], "x")
    for name in ("c", "d"):
        w.modules[name] = "Block"
        y = w.relu(f"{name}.relu", w.conv(f"{name}.conv1", x))
        y = w.conv(f"{name}.conv2", y)
        x = w.relu(f"{name}.relu_1", w.add(f"{name}/add", x, y), f"{name}.relu")  # the operands swapped
    functions = functions_of(emitted(w.plan(x)))
    assert list(functions) == ["block", "block_2", "define_layers"]


def test_several_results_and_inputs() -> None:
    w = Writer("x", "mask")
    a, b = "x", "mask"
    for i in range(5):
        at = f"cells.{i}"
        w.modules[at] = "Cell"
        both = w.add(f"{at}/add", a, b)
        a = w.conv(f"{at}.left", both)
        b = w.relu(f"{at}.act", w.conv(f"{at}.right", w.relu(f"{at}.in", both)))
    cpp = emitted(w.plan(b, a))
    assert "std::tuple<ITensor*, ITensor*> cell(Layers& net, ITensor* x, ITensor* mask," in cpp
    assert "auto [first, second] = " in cpp
    assert "std::tie(first, second) = cell(net, first, second, " in cpp
    assert "#include <tuple>" in cpp


def test_top_k_gives_two_tensors() -> None:
    w = Writer()
    values, indices = w.layer(p.TopK, "top", "x", results=2, operation=p.TopKKind.maximum, k=3, axis=1)
    cpp = emitted(w.plan(values, indices))
    assert "auto [values, indices] = net.top_k(" in cpp
    cpp = emitted(w.plan(indices))
    assert ", 3, 1).indices;" in cpp


def test_constants_stand_where_they_are_used() -> None:
    w = Writer()
    one = {"dtype": DType.float32, "dims": (1, 1, 1, 1)}
    half = w.layer(p.Constant, "constant", values=(0.1,), **one)
    x = w.layer(p.ElementWise, "scaled", "x", half, operation=p.ElementWiseKind.multiply)
    low = w.layer(p.Constant, "constant_1", values=(float("-inf"),), **one)
    w.relu("relu", x)  # between the constant and what uses it
    x = w.layer(p.ElementWise, "floor", x, low, operation=p.ElementWiseKind.maximum)
    cpp = emitted(w.plan(x))
    assert 'net.multiply(x, net.constant("constant", Dims{1, 1, 1, 1}, {0.1}), "scaled")' in cpp
    assert "-std::numeric_limits<double>::infinity()" in cpp
    assert "#include <limits>" in cpp


def test_a_constant_that_two_use_is_made_once() -> None:
    w = Writer()
    c = w.layer(p.Constant, "c", dtype=DType.float32, dims=(1,), values=(2.0,))
    x = w.add("a", "x", c)
    cpp = emitted(w.plan(w.add("b", x, c)))
    assert cpp.count("net.constant(") == 1


def test_weights_that_are_shared_are_named() -> None:
    w = Writer()
    w.weight("first.weight", 8, 8, 3, 3)
    w.weight("first.bias", 8)
    x = "x"
    for name in ("first", "second"):
        fields = dict.fromkeys(("stride", "pre_padding", "post_padding", "dilation"), (1, 1))
        x = w.layer(p.Convolution, name, x, weight="first.weight", bias="first.bias", **fields)
    cpp = emitted(w.plan(x))
    assert 'net.convolution(x, "first", Window().padding(1));' in cpp
    assert 'net.convolution(x, "second", Window().padding(1), "first.weight", "first.bias");' in cpp


def test_no_bias_is_said_where_the_file_has_one_of_that_name() -> None:
    w = Writer()
    w.weight("conv.bias", 8)
    cpp = emitted(w.plan(w.conv("conv", "x", bias=False)))
    assert 'net.convolution(x, "conv", Window().padding(1), "conv.weight", "");' in cpp
    w = Writer()
    cpp = emitted(w.plan(w.conv("conv", "x", bias=False)))
    assert 'net.convolution(x, "conv", Window().padding(1));' in cpp


def test_names_of_other_modules_are_passed() -> None:
    """What a fused exporter names otherwise does not keep equal blocks apart."""
    w = Writer()
    x = "x"
    for i, name in enumerate(("one", "two")):
        at = f"b{i}"
        w.modules[at] = "Odd"
        x = w.relu(f"{at}.relu", w.conv(f"{at}.a", x))
        x = w.relu(name, x, module=f"{at}.act")
        x = w.conv(f"{at}.c", x)
    functions = functions_of(emitted(w.plan(x)))
    assert "const std::string& name" in functions["odd"]
    assert 'odd(net, x, "b1", "two");' in functions["define_layers"]


ODD = (
    'quo"te',
    "back\\slash",
    "trailing\\",
    "new\nline",
    "häß",
    "a??/b",
    "// no comment",
    "/*x*/",
    "%s",
    ";  // x",
)


@pytest.mark.parametrize("name", ODD)
def test_names_are_escaped(name: str) -> None:
    w = Writer("x", name)
    x = blocks(w, [f"{name}0.0", f"{name}0.1", f"{name}0.2"], w.add("sum", "x", name), kind=name)
    cpp = emitted(w.plan(x))
    assert string_literal(name) in cpp
    assert all(line.isprintable() and not line.endswith("\\") for line in cpp.splitlines())


@pytest.mark.parametrize("kind", ["double", "Net", "At", "X", "Layers", "Template", "Main", "1D", "ÄÖ", "i"])
def test_functions_have_names_that_c_allows(kind: str) -> None:
    w = Writer()
    x = blocks(w, ["a", "b"], "x", kind=kind)
    (name, _) = functions_of(emitted(w.plan(x)))
    assert re.fullmatch(r"[a-z]\w*", name)
    assert name not in ("double", "net", "at", "x", "i", "template", "main", "layers")


def test_a_function_is_not_hidden_by_a_variable() -> None:
    w = Writer()
    x = "x"
    for i in range(3):
        at = f"m{i}"
        w.modules |= {at: "Outer", f"{at}.branch": "Branch", f"{at}.other": "Branch"}
        ends = []
        for part in ("branch", "other"):
            y = w.relu(f"{at}.{part}.r", w.conv(f"{at}.{part}.a", x))
            ends.append(w.relu(f"{at}.{part}.s", w.conv(f"{at}.{part}.b", y)))
        x = w.add(f"{at}/add", w.add(f"{at}/add_1", *ends), x)
    emitted(w.plan(x))


def test_a_parameter_does_not_hide_a_function() -> None:
    w = Writer()
    x = "x"
    for i, groups in enumerate((1, 2, 4)):
        at = f"m{i}"
        w.modules |= {at: "Outer", f"{at}.one": "Groups", f"{at}.two": "Groups"}
        for part in ("one", "two"):
            y = w.relu(f"{at}.{part}.r", w.conv(f"{at}.{part}.a", x, groups=groups))
            x = w.relu(f"{at}.{part}.s", w.conv(f"{at}.{part}.b", y))
    functions = functions_of(emitted(w.plan(x)))
    assert list(functions) == ["groups_2", "outer", "define_layers"]
    assert 'groups_2(net, x, at + ".one", groups)' in functions["outer"]


def test_a_copy_leaves_alone_what_its_branch_needs() -> None:
    w = Writer()
    x = "x"
    for i in range(2):
        at = f"b{i}"
        w.modules[at] = "Block"
        side = w.relu(f"{at}.side", x)
        y = w.layer(p.Concatenation, f"{at}.both", x, x, side, axis=1) if i else x
        y = w.conv(f"{at}.c", w.conv(f"{at}.a", y))
        x = w.add(f"{at}/add", w.conv(f"{at}.b", x), y)
    assert "if (both) {" in emitted(w.plan(x))


def test_what_a_loop_does_not_change_keeps_its_variable() -> None:
    w = Writer()
    mask = w.relu("mask", "x")
    x = start = w.conv("start", "x")
    for i in range(4):
        at = f"cells.{i}"
        w.modules[at] = "Cell"
        y = w.conv(f"{at}.b", w.relu(f"{at}.r", w.conv(f"{at}.a", x)))
        x = w.add(f"{at}/add", y, mask)
    cpp = emitted(w.plan(w.add("sum", x, start)))
    assert "for (int i = 0; i < 4; ++i) {" in cpp


def random_plan(seed: int) -> p.NetworkPlan:
    """Blocks of a few kinds, with parts, attributes and inputs that differ by chance."""
    r = random.Random(seed)
    w = Writer(*(["x"] if r.random() < 0.7 else ["x", "mask"]))
    recipes = [[(r.choice("cracrktm"), r.random()) for _ in range(r.randint(2, 7))] for _ in range(2)]
    live = list(w.inputs)
    kind = 0
    for n in range(r.randint(3, 12)):
        kind = r.randrange(2) if r.random() < 0.3 else kind
        at = f"stage.{n}"
        w.modules[at] = f"Kind{kind}"
        inner = [live[-1] if r.random() < 0.8 else r.choice(live)]
        for i, (what, chance) in enumerate(recipes[kind]):
            if chance < 0.3 and r.random() < 0.5:
                continue  # a part that only some have
            pick = inner[-1] if chance < 0.7 else inner[-1 - int(chance * 97) % len(inner)]
            name = f"{at}.p{i}"
            if what == "c":
                inner.append(w.conv(name, pick, stride=r.choice((1,) * 9 + (2, (1, 2)))))
            elif what == "r":
                inner.append(w.relu(name, pick))
            elif what == "a":
                inner.append(w.add(f"{at}/add{i}", inner[-1], pick))
            elif what == "m":
                inner.append(w.layer(p.Concatenation, f"{at}/cat{i}", *inner[-3:], axis=1))
            elif what == "t":
                fields = {"operation": p.TopKKind.maximum, "k": 2, "axis": 1}
                inner += w.layer(p.TopK, name, pick, results=2, **fields)
            else:
                value = (r.choice((0.5,) * 9 + (3.0,)),)
                c = w.layer(p.Constant, f"{at}/c{i}", dtype=DType.float32, dims=(1,), values=value)
                inner.append(w.layer(p.ElementWise, name, c, pick, operation=p.ElementWiseKind.multiply))
        live = (live + inner)[-4:]
    made = [o for layer in w.layers for o in layer.outputs]
    return w.plan(*dict.fromkeys([made[-1], r.choice(made)]))


def test_random_networks_make_the_calls_of_their_plans() -> None:
    branches = loops = 0
    for seed in range(150):
        plan = random_plan(seed)
        cpp = emitted(plan)
        branches += cpp.count("if (")
        loops += cpp.count("for (")
    assert branches > 20
    assert loops > 5


def _tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"pip install {name}"
    return found


def test_code_is_clang_format_clean(tmp_path: Path) -> None:
    wide = Writer()
    x = blocks(wide, [f"a_rather_long_name_of_a_module.{'inner.' * 9}{i}" for i in range(2)], "x")
    parts = [wide.relu(f"{'branch' * 8}.{i}", x) for i in range(4)]
    x = wide.layer(p.Concatenation, f"{'concatenated' * 4}", *parts, axis=1)
    plans = {"resnet18": resnet18(), "lenet": lenet(), "wide": wide.plan(x)}
    plans |= {f"random{seed}": random_plan(seed) for seed in range(20)}
    files = []
    shutil.copy(GENERATED / ".clang-format", tmp_path)
    for name, plan in plans.items():
        files += [tmp_path / f"{name}.cpp", tmp_path / f"{name}.hpp"]
        files[-2].write_text(emitted(plan))
        files[-1].write_text(weights_info_header("sample", plan))
    command = [_tool("clang-format"), "--dry-run", "-Werror", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    longest = max(len(line) for line in (tmp_path / "random0.cpp").read_text().splitlines())
    assert longest <= WIDTH
