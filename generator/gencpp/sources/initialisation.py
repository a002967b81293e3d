"""Makes randomly initialised networks answer differently to different inputs.

As built, many networks output nothing (zero-initialised heads, untrained BatchNorm statistics), and parity
would mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..core.spec import TensorSpec
from ..tensors.fast_path import fast_path_off
from ..tensors.stimuli import seeded_inputs

TINY = 1e-3
"""Parameters (not biases) whose largest magnitude is below this are drawn again."""

BATCH = 8
"""Items in the batch that sets the statistics."""

NORM_BIAS = 1.0
"""BatchNorm's bias: it keeps most of what follows in the linear part of a ReLU.

At 0 a difference grows by sqrt(pi / (pi - 1)) = 1.21 a layer (Yang et al., "A mean field theory of
batch normalization"), rounding errors included; at 1 by about 1.06.
"""

_STIMULUS_SEED = 7_000_001
"""Apart from every seed of a golden."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's default CPU generator seeded inside, and as it was afterwards."""
    import torch

    state = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(state)


def initialise_from_data(module: Any, inputs: Sequence[TensorSpec], seed: int, batch: int = BATCH) -> None:
    """Changes weights in place so that outputs depend on the inputs; deterministic for a seed.

    Zero or tiny weights are drawn again. Then one forward pass of a seeded batch, in execution order:
    BatchNorm takes the batch's statistics and a bias of 1; every convolution and linear layer is
    scaled to outputs of unit standard deviation and, where it has a bias, of zero mean per channel over
    the batch (after Mishkin and Matas, "All you need is a good init", with the mean added).
    `module` must be in eval mode.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad(), fast_path_off():
        _redraw_dead(module, generator)
        handles = [h for m in module.modules() for h in _hooks(m)]
        try:
            module(*_stimulus(inputs, seed, batch))
        finally:
            for handle in handles:
                handle.remove()


def _stimulus(inputs: Sequence[TensorSpec], seed: int, batch: int) -> list[Any]:
    import torch

    parts = [seeded_inputs(inputs, _STIMULUS_SEED + 97 * seed + i) for i in range(batch)]
    return [torch.cat(items) for items in zip(*parts, strict=True)]


def _redraw_dead(module: Any, generator: Any) -> None:
    """New values for weights that are all zero or tiny, and for projections that are used as functions."""
    import torch
    from torch import nn

    for owner in module.modules():
        for name, p in owner.named_parameters(recurse=False):
            dead = p.numel() > 0 and p.is_floating_point() and float(p.abs().max()) < TINY
            matrix = isinstance(owner, nn.Linear | nn.modules.conv._ConvNd) and name == "weight"
            functional = name == "in_proj_weight"
            if functional or (matrix and dead):
                fan_in = p.numel() // p.shape[0]
                p.copy_(torch.randn(p.shape, generator=generator) / fan_in**0.5)
            elif not dead or "bias" in name:
                continue
            elif max(p.shape, default=1) == p.numel() and "token" not in name:  # a scale for each channel
                p.copy_(0.5 + torch.rand(p.shape, generator=generator))
            else:  # class tokens and position embeddings
                p.copy_(0.2 * torch.randn(p.shape, generator=generator))
        if _functional_projection(owner) is not None and isinstance(getattr(owner, "qkv", None), nn.Linear):
            p = owner.qkv.weight
            p.copy_(torch.randn(p.shape, generator=generator) / p.shape[1] ** 0.5)


def _functional_projection(module: Any) -> Any:
    """The output projection of attention that torch calls as a function, so that its own hook never runs."""
    from torch import nn

    if isinstance(module, nn.MultiheadAttention):
        return module.out_proj
    if "ShiftedWindowAttention" in type(module).__name__:
        return module.proj
    return None


def _hooks(module: Any) -> list[Any]:
    from torch import nn

    if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
        return [module.register_forward_pre_hook(_once(_take_statistics))]
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        return []
    if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
        channel = -1 if isinstance(module, nn.Linear) else 1

        def scale(m: Any, _: Any, output: Any) -> Any:
            return _rescale(m, output, channel)

        return [module.register_forward_hook(_once(scale))]
    projection = _functional_projection(module)
    if projection is not None:

        def scale_projection(_: Any, __: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (_rescale(projection, output[0], -1), *output[1:])
            return _rescale(projection, output, -1)

        return [module.register_forward_hook(_once(scale_projection))]
    return []


def _once(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Only the first call of a module that is used several times sets its weights."""
    done = False

    def first(*args: Any) -> Any:
        nonlocal done
        if done:
            return None
        done = True
        return hook(*args)

    return first


def _take_statistics(module: Any, args: Any) -> None:
    import torch

    x = args[0]
    over = [d for d in range(x.dim()) if d != 1]
    var, mean = torch.var_mean(x, dim=over, correction=0)
    # A channel that hardly varies in this batch must not amplify what varies elsewhere.
    floor = max(float(var.mean()) * 0.25, 1e-12)
    module.running_mean.copy_(mean)
    module.running_var.copy_(var.clamp_min(floor))
    if module.bias is not None:
        module.bias.fill_(NORM_BIAS)


def _rescale(layer: Any, output: Any, channel: int) -> Any:
    """Scales and centres `layer`'s weights by what it gave; returns what it now gives."""
    import torch

    shape = [1] * output.dim()
    shape[channel] = -1
    shift = None
    centred = output
    # Gates (squeeze and excitation: 1x1 maps) are not centred: saturated gates multiply through the depth.
    gate = output.dim() > 2 and channel == 1 and output[0, 0].numel() == 1
    if layer.bias is not None and not gate:
        over = [d for d in range(output.dim()) if d != channel % output.dim()]
        shift = output.mean(dim=over)
        centred = output - shift.view(shape)
    std = float(centred.std(correction=0))
    size = float(output.abs().max())
    # Below this the input hardly matters here: amplifying it would amplify rounding errors.
    if not std > 1e-3 * size:
        shift, centred = None, output
        std = float(output.std(correction=0))
    if not (torch.isfinite(torch.tensor(std)) and std > 1e-12):
        return output
    scale = 1.0 / std
    layer.weight.mul_(scale)
    if layer.bias is not None:
        layer.bias.mul_(scale)
        if shift is not None:
            layer.bias.sub_(shift * scale)
    return centred * scale
