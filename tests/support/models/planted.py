"""A model of sequences, and what a wrong program would compute in its place: each fault is one that was met.

`PLANTED` names the faults; `Sequences(fault)` is right where the fault is empty. All can be scripted.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LENGTH = 6
"""The usual length of a sequence."""

PLANTED = (
    "batch baked: items above the fourth by another formula",
    "batch baked: the first item's answer for all",
    "length baked: positions of the usual length",
    "length baked: what lies behind the usual length is cut off",
    "short sequences by another formula",
    "mask dropped",
    "mask inverted",
    "mask taken as causal",
    "positions of the first call kept",
    "state kept: a running sum in a buffer",
    "dropout left on",
    "noise added",
    "outputs exchanged",
    "probabilities for logits",
    "weight perturbed by 1 %",
    "rounded to half precision",
    "scores saturated",
)


class Sequences(nn.Module):
    """tokens: batch x length x 8; padding: batch x length, true where no token is. Logits, hidden states."""

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        torch.manual_seed(7)
        self.fault = fault
        self.inner = nn.Linear(8, 5)
        self.head = nn.Linear(5, 5)
        self.frequencies = nn.Parameter(torch.linspace(0.3, 1.7, 5))
        self.register_buffer("sum", torch.zeros(5))
        self.first_length = 0
        if fault == "weight perturbed by 1 %":
            with torch.no_grad():
                self.head.weight += 0.01 * self.head.weight.abs().mean()

    def positions(self, length: int) -> Tensor:
        steps = torch.arange(length, dtype=torch.float32)
        if self.fault == "length baked: positions of the usual length":
            steps = steps.remainder(6)
        if self.fault == "positions of the first call kept":
            if self.first_length == 0:
                self.first_length = length
            steps = steps * self.first_length / length
        return torch.sin(steps[:, None] * self.frequencies)

    def forward(self, tokens: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.relu(self.inner(tokens) + self.positions(tokens.shape[1]))
        kept = 1.0 - padding.unsqueeze(-1).float()
        if self.fault == "mask dropped":
            kept = torch.ones_like(kept)
        if self.fault == "mask inverted":
            kept = 1.0 - kept
        if self.fault == "mask taken as causal":
            kept = kept.cumprod(1)
        if self.fault == "length baked: what lies behind the usual length is cut off":
            kept = torch.cat([kept[:, :6], torch.zeros_like(kept[:, 6:])], 1)
        if self.fault == "rounded to half precision":
            hidden = hidden.to(torch.float16).float()
        if self.fault == "dropout left on":
            hidden = torch.nn.functional.dropout(hidden, 0.01, training=True)
        if self.fault == "noise added":
            hidden = hidden + 0.01 * torch.rand_like(hidden)
        pooled = (hidden * kept).sum(1) / kept.sum(1).clamp_min(1.0)
        logits = self.head(pooled)
        if self.fault == "batch baked: items above the fourth by another formula":
            logits = torch.cat([logits[:4], -logits[4:]])
        if self.fault == "batch baked: the first item's answer for all":
            logits = logits[:1].expand(logits.shape[0], 5).contiguous()
        if self.fault == "short sequences by another formula" and tokens.shape[1] < 4:
            logits = logits * 2.0
        if self.fault == "state kept: a running sum in a buffer":
            self.sum += 0.01 * logits.detach().mean(0)
            logits = logits + self.sum
        if self.fault == "probabilities for logits":
            logits = torch.softmax(logits, 1)
        if self.fault == "scores saturated":
            logits = torch.clamp(logits, -0.5, 0.5)
        if self.fault == "outputs exchanged":
            return hidden, logits
        return logits, hidden


def sequences() -> nn.Module:
    return Sequences().eval()
