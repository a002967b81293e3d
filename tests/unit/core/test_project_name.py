"""Names of projects: what somebody gave is taken or refused, what a model is called is adapted."""

from __future__ import annotations

import re

import pytest
from places import ROOT

from gencpp.core import project_name
from gencpp.core.cpp import KEYWORDS
from gencpp.core.errors import UsageError

TEMPLATES = ROOT / "templates"


@pytest.mark.parametrize("name", ["resnet18", "my_model", "a", "x2_y3", "vector", "model", "net", "a" * 64])
def test_a_name_that_can_be_is_taken_as_it_is(name: str) -> None:
    assert project_name.given(name) == name and project_name.derived(name) == name


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        ("../../x", "x"),
        ("class", "class_model"),
        ("my model", "my_model"),
        ("ResNet-18", "resnet_18"),
        ("int", "int_model"),
        ("co_await", "co_await_model"),
        ("import", "import_model"),
        ("contract_assert", "contract_assert_model"),
        ("2net", "m_2net"),
        ("a__b", "a_b"),
        ("_x", "x"),
        ("x_", "x"),
        ("größe", "gro_e"),
        ("übung", "ubung"),
        ("模型", "my_model"),
        ("", "my_model"),
        ("---", "my_model"),
        ("a\nb", "a_b"),
        ("\udcff", "my_model"),
        ("a" * 65, "a" * 64),
        ("x" * 5000, "x" * 64),
        ("std", "std_model"),
        ("std2", "std2_model"),
        *((name, f"{name}_model") for name in ("index", "time", "signal", "random", "select", "log", "exp")),
        *((name, f"{name}_model") for name in ("system", "read", "link", "y0", "environ", "stat", "errno")),
        *((name, f"{name}_model") for name in ("torch", "at", "c10", "nvinfer1", "cuda", "cub", "posix")),
        *(
            (name, f"{name}_model")
            for name in ("st_atime", "daylight", "remove", "linux", "near", "main", "run")
        ),
        *((name, f"{name}_model") for name in ("app", "test", "all", "install", "cmakefiles", "png", "m")),
    ],
)
def test_any_other_is_refused_with_a_proposal(name: str, proposal: str) -> None:
    with pytest.raises(UsageError) as caught:
        project_name.given(name)
    assert caught.value.hint == f"Such as: --name {proposal}"
    assert caught.value.message.isprintable() and len(caught.value.message) < 300
    assert project_name.given(proposal) == proposal


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ResNet-18", "resnet_18"),
        ("my.model v2", "my_model_v2"),
        ("__x__y", "x_y"),
        ("2net", "m_2net"),
        ("class", "class_model"),
        ("index", "index_model"),
        ("y" * 70, "y" * 64),
        ("Größe 7", "gro_e_7"),
    ],
)
def test_what_a_model_is_called_is_adapted(text: str, name: str) -> None:
    assert project_name.derived(text) == name and project_name.problem(name) == ""


@pytest.mark.parametrize("text", ["", "---", "模型"])
def test_nothing_is_made_of_nothing(text: str) -> None:
    with pytest.raises(UsageError, match=r"--name my_model"):
        project_name.derived(text)


def test_the_table_has_names_that_could_be_asked_for_only() -> None:
    table = project_name.global_names()
    assert len(table) > 3000
    assert not table & KEYWORDS
    assert {"index", "at", "c10", "caffe2", "torch", "pybind11", "jpeg_std_error"} <= table


def test_no_namespace_inside_a_project_s_own_has_its_name() -> None:
    """`namespace app { namespace app {`: what is said of one would be looked for in the other."""
    inner = set()
    for file in TEMPLATES.rglob("*.?pp"):
        inner |= set(re.findall(r"namespace \{= name =\}::(\w+)", file.read_text(encoding="utf-8")))
        inner |= set(re.findall(r"^namespace (\w+) (?:\{|=)", file.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"app", "bench", "test"} <= inner
    assert [name for name in sorted(inner) if not project_name.problem(name)] == []


_NO_CALLS = frozenset(["if", "while", "for", "switch", "return", "sizeof", "defined", "catch", "decltype"])


def plain(code: str) -> str:
    """Without comments and literals."""
    code = re.sub(r'R"\w*\(.*?\)\w*"', "0", code, flags=re.DOTALL)
    return re.sub(r'//[^\n]*|"(\\.|[^"\\\n])*"', "0", code)


def called(code: str) -> tuple[set[str], set[str]]:
    """(functions that are called without their namespace, what is declared) in a source."""
    calls, declared = set(), set(re.findall(r"\bauto ([a-z_]\w*) = \[", code))
    for before, name in re.findall(r"(\w+|[^\w\s])?\s*(?<![\w:.>])([a-z_]\w*)\(", code):
        declares = before == ">" or (before.isidentifier() and before not in ("return", "else", "case"))
        (declared if declares else calls).add(name)
    return calls - _NO_CALLS, declared


def test_no_function_that_is_called_beside_a_project_s_namespace_has_its_name() -> None:
    """`run(...)` in main() would be the function or the namespace `run`: g++ calls that ambiguous."""
    found = set()
    for file in TEMPLATES.rglob("*.cpp"):
        code = plain(file.read_text(encoding="utf-8"))
        if (main := re.search(r"^int main\(.*?^\}", code, re.MULTILINE | re.DOTALL)) is None:
            continue
        found |= called(main.group(0))[0] - {"main"}
        if not re.search(r"^namespace \{= name =\}", code, re.MULTILINE):
            calls, declared = called(code)
            found |= calls - declared
    assert {"run", "size_of", "to_string"} <= found
    assert [n for n in sorted(found) if n.islower() and not project_name.problem(n)] == []
