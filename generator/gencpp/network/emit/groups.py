"""A plan's layers as a tree of groups: contiguous runs of layers that come from the same module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..plan import Layer, NetworkPlan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """A run of two layers or more from one module and those inside it; a module called twice has two."""

    path: str
    """The module's, "" for the model itself."""
    items: tuple[Layer | Group, ...]
    begin: int
    """Index of its first layer in the plan."""
    inputs: tuple[str, ...]
    """Tensors from outside, in the order of their first use."""
    outputs: tuple[str, ...]
    """Tensors that are used outside, in the order in which they are made."""

    def groups(self) -> Iterator[Group]:
        """This group and all inside it, the inner ones first."""
        for item in self.items:
            if isinstance(item, Group):
                yield from item.groups()
        yield self


def tree_of(plan: NetworkPlan) -> Group:
    """The whole model as one group.

    Groups of a single layer are that layer. What a module other than the model keeps in a container, such as
    torch.nn.Sequential, are its own items.
    """
    last_use: dict[str, int] = {}
    for i, layer in enumerate(plan.layers):
        last_use.update(dict.fromkeys(filter(None, layer.inputs), i))
    last_use.update(dict.fromkeys(plan.outputs, len(plan.layers)))
    return _group(plan.layers, 0, "", last_use, plan.modules)


def is_container(kind: str) -> bool:
    """Whether a class only holds other modules."""
    return kind in ("Sequential", "ModuleList", "ModuleDict")


def _group(
    layers: Sequence[Layer], begin: int, path: str, last_use: Mapping[str, int], kinds: Mapping[str, str]
) -> Group:
    kind = kinds.get(path, "")
    opens = bool(path and kind and not is_container(kind))
    items: list[Layer | Group] = []
    i = 0
    while i < len(layers):
        child = _child(layers[i].module, path)
        end = i + 1
        if child is None:
            items.append(layers[i])
        else:
            while end < len(layers) and _child(layers[end].module, path) == child:
                end += 1
            inner = _group(layers[i:end], begin + i, child, last_use, kinds)
            single = len(inner.items) == 1 and (
                not isinstance(inner.items[0], Group) or is_container(kinds.get(child, ""))
            )
            taken = single or (opens and is_container(kinds.get(child, "")))
            items += inner.items if taken else (inner,)
        i = end
    made = {o: None for layer in layers for o in layer.outputs}
    used = {name: None for layer in layers for name in layer.inputs if name and name not in made}
    after = begin + len(layers)
    return Group(
        path=path,
        items=tuple(items),
        begin=begin,
        inputs=tuple(used),
        outputs=tuple(o for o in made if last_use.get(o, -1) >= after),
    )


def _child(module: str, path: str) -> str | None:
    """The child of `path` that `module` is or is inside of; None for `path` itself and what is outside it."""
    if path and not module.startswith(f"{path}."):
        return None
    rest = module[len(path) + 1 :] if path else module
    return (f"{path}." if path else "") + rest.partition(".")[0] if rest else None
