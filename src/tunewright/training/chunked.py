"""Cross-entropy of a linear output head, its logits made and given back chunk by chunk: `[M, V]` never stands whole.

Axes: M labelled positions, C positions of a chunk, V vocabulary, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody reads
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator


MEBIBYTE = 2**20
CHUNKED_ABOVE = {"cpu": 24 * MEBIBYTE, "cuda": 512 * MEBIBYTE, "mps": 64 * MEBIBYTE}
"""Bytes of fp32 logits above which chunks are taken. Measured on a CPU (width 256, bf16, one thread): whole logits are
faster up to 16 MiB, and from 32 MiB on, where every allocation is a fresh mapping, chunks are by 1.4 to 1.8."""
CHUNK = {"cpu": 16 * MEBIBYTE, "cuda": 256 * MEBIBYTE, "mps": 32 * MEBIBYTE}
"""Bytes of fp32 logits of one chunk."""
LEAST_ROWS = 128
"""Or a trained head's gradient, which every chunk passes over whole, would cost more than the chunk itself."""


def worth_chunks(rows: int, vocabulary: int, device: torch.device) -> bool:
    """Whether the logits of so many rows are better made in chunks."""
    return rows * vocabulary * 4 > CHUNKED_ABOVE.get(device.type, CHUNKED_ABOVE["cpu"])


def rows_at_once(vocabulary: int, device: torch.device) -> int:
    """Rows of one chunk."""
    return max(LEAST_ROWS, CHUNK.get(device.type, CHUNK["cpu"]) // (4 * vocabulary))


@dataclass(frozen=True, slots=True)
class HeadForm:
    """A head's logits as a formula: `x = scale * (hidden @ weight.T + bias)`, and with a cap `cap * tanh(x / cap)`."""

    weight_VD: Tensor
    bias_V: Tensor | None
    scale: float = 1.0
    cap: float | None = None

    def logits(self, hidden_MD: Tensor) -> Tensor:
        """The formula's value, in fp32."""
        raw_MV = F.linear(hidden_MD, self.weight_VD, self.bias_V).float()
        raw_MV = raw_MV if self.scale == 1.0 else raw_MV * self.scale
        return raw_MV if self.cap is None else torch.tanh(raw_MV / self.cap) * self.cap


def chunked_cross_entropy(
    hidden_MD: Tensor, head: HeadForm, targets_M: Tensor, *, chunk: int, smoothing: float = 0.0
) -> Tensor:
    """The summed cross-entropy in nats, and on the way back its exact gradient, with at most `chunk` rows of logits.

    The gradient is made beside the loss, chunk by chunk, and only scaled on the way back. A frozen head gets none.
    Under autocast the products are of its type, and sums, softmax and the weights' gradient of fp32. `smoothing` is the
    share of a target that all V tokens have alike.
    """
    form = (head.scale, head.cap, chunk, smoothing)
    tensors: tuple[Tensor | None, ...] = (hidden_MD, head.weight_VD, head.bias_V)
    if not torch.is_grad_enabled():  # which an autograd function cannot see: it would make gradients for nobody
        tensors = tuple(None if tensor is None else tensor.detach() for tensor in tensors)
    loss: Tensor = _ChunkedCrossEntropy.apply(*tensors, targets_M, form)  # type: ignore[no-untyped-call]
    return loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # torch's own order of arguments
        ctx: Any,
        hidden_MD: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        targets_M: Tensor,
        form: tuple[float, float | None, int, float],
    ) -> Tensor:
        device = hidden_MD.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight_VD.dtype
        head = HeadForm(weight_VD.to(kind), None if bias_V is None else bias_V.to(kind), *form[:2])
        sums = _Sums(ctx.needs_input_grad, hidden_MD, weight_VD, bias_V)
        sums.smoothing = form[3]
        with torch.autocast(device, enabled=False):
            for part in _parts(len(targets_M), form[2]):
                sums.add(part, hidden_MD[part].to(kind), targets_M[part], head)
        ctx.gradients = (sums.hidden_MD, sums.weight_VD, sums.bias_V)
        return sums.loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        factor = grad_outputs[0]
        found = [None if g is None else g.mul_(factor) for g in ctx.gradients]
        del ctx.gradients  # scaled in place: there is no second way back
        return (*found, None, None)


class _Sums:
    """Loss and gradients, filled up chunk by chunk; None where nobody asks for one."""

    def __init__(self, wanted: tuple[bool, ...], hidden_MD: Tensor, weight_VD: Tensor, bias_V: Tensor | None) -> None:
        self.loss = torch.zeros((), device=hidden_MD.device)
        self.hidden_MD = torch.empty_like(hidden_MD) if wanted[0] else None
        self.weight_VD = torch.zeros_like(weight_VD) if wanted[1] else None
        self.bias_V = torch.zeros_like(bias_V) if bias_V is not None and wanted[2] else None
        self.smoothing = 0.0
        self._any = any(wanted[:3])

    def add(self, part: slice, hidden_CD: Tensor, targets_C: Tensor, head: HeadForm) -> None:
        logits_CV = head.logits(hidden_CD)
        log_total_C = torch.logsumexp(logits_CV, dim=1)
        own_C1, even = targets_C[:, None], self.smoothing
        self.loss += (log_total_C - (1 - even) * logits_CV.gather(1, own_C1)[:, 0]).sum()
        if even:
            self.loss -= even * logits_CV.mean(dim=1).sum()
        if not self._any:
            return
        slope_CV = None if head.cap is None else 1 - (logits_CV / head.cap).square()
        delta_CV = logits_CV.sub_(log_total_C[:, None]).exp_()
        delta_CV.scatter_add_(1, own_C1, torch.full_like(own_C1, even - 1, dtype=delta_CV.dtype))
        if even:
            delta_CV.sub_(even / delta_CV.shape[1])
        if slope_CV is not None:
            delta_CV.mul_(slope_CV)
        if head.scale != 1.0:
            delta_CV.mul_(head.scale)
        self._spread(part, hidden_CD, delta_CV, head)

    def _spread(self, part: slice, hidden_CD: Tensor, delta_CV: Tensor, head: HeadForm) -> None:
        if self.bias_V is not None:
            self.bias_V += delta_CV.sum(dim=0)
        rounded_CV = delta_CV.to(hidden_CD.dtype)
        if self.hidden_MD is not None:
            self.hidden_MD[part] = (rounded_CV @ head.weight_VD).to(self.hidden_MD.dtype)
        if self.weight_VD is None:
            return
        if rounded_CV.dtype == self.weight_VD.dtype:
            self.weight_VD.addmm_(rounded_CV.T, hidden_CD)
        else:  # summed in the weights' own type
            self.weight_VD += rounded_CV.T @ hidden_CD


def _parts(length: int, chunk: int) -> Iterator[slice]:
    return (slice(start, start + chunk) for start in range(0, length, chunk))
