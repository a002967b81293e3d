"""Messages of torch in one line, and all that was said for a log."""

from __future__ import annotations

import pytest

from gencpp.core.messages import details, export_problem, last_line, quiet_compiler

SCRIPTED = """The following operation failed in the TorchScript interpreter.
Traceback of TorchScript (most recent call last):
RuntimeError: sizes do not fit
graph(%x : Tensor):
  %1 : int = prim::Constant[value=1]()
  return (%1)
"""
FUSED = """Schema not found for node. File a bug report.
no candidates found
within the graph:
graph(%self : __torch__.Net):
"""
EXPORTED = """Could not guard on data-dependent expression u0 > 0
  at forward

ExportedProgram:
    class GraphModule(torch.nn.Module):
        def forward(self, x):
            return (x,)
"""


def test_a_graph_behind_a_message_is_no_part_of_it() -> None:
    assert last_line(RuntimeError(SCRIPTED)) == "RuntimeError: sizes do not fit"
    assert last_line(RuntimeError(EXPORTED)) == "at forward"
    assert last_line(RuntimeError(FUSED)) == "Schema not found for node. File a bug report."
    assert export_problem(ValueError(EXPORTED)).startswith("ValueError: Could not guard on data-dependent")


def test_a_message_that_is_a_graph_alone_is_told() -> None:
    assert last_line(RuntimeError("graph(%x : Tensor):\n  return (%x)")) == "return (%x)"


def test_what_was_printed_is_in_the_details() -> None:
    cause = ValueError(EXPORTED)
    with pytest.raises(RuntimeError) as e, quiet_compiler():
        print("a graph of a thousand lines")
        raise RuntimeError("exporting failed") from cause
    found = details(e.value)
    assert "a graph of a thousand lines" in found and "class GraphModule" in found
    assert "exporting failed" in found and "Traceback" in found
