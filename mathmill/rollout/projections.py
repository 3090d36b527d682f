"""Linear layers as decoding needs them: of few rows, again and again, with weights that do not change meanwhile."""

from collections.abc import Sequence

import torch
from torch.nn import functional

ROWS = 16
"""Rows for which the packed form is chosen; others are computed by it too."""


class Projections:
    """Linear layers that read the same states; their outputs stand beside one another.

    On CPUs the product of few rows with a matrix spends most of its time on bringing the matrix into the form that the
    kernel reads (measured for 16 rows and matrices of 256 x 256 to 4096 x 256: 5.2 ms, and 2.8 ms without it). So the
    weights, as they are now, are brought into it once, which takes as much memory as they do. Where the processor has
    no such kernel for their type, and on other devices, they are read in place.
    """

    def __init__(self, layers: Sequence[torch.nn.Linear]) -> None:
        """Compute what `layers` do."""
        self._layers = layers
        self._packed = self._bias = None
        weights = [layer.weight for layer in layers]
        if _can_be_packed(weights[0]):
            # The operators by which torch.compile does the same.
            self._packed = torch.ops.mkldnn._reorder_linear_weight(torch.cat(weights), ROWS)  # noqa: SLF001
            biases = [
                layer.weight.new_zeros(layer.out_features) if layer.bias is None else layer.bias for layer in layers
            ]
            self._bias = None if all(layer.bias is None for layer in layers) else torch.cat(biases)

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """From states [rows, inputs] to [rows, outputs of all layers]."""
        if self._packed is not None:
            return torch.ops.mkldnn._linear_pointwise(states, self._packed, self._bias, "none", [], "")  # noqa: SLF001
        outputs = [functional.linear(states, layer.weight, layer.bias) for layer in self._layers]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)


def _can_be_packed(weight: torch.Tensor) -> bool:
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if weight.dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001
    if weight.dtype == torch.float16:
        return torch.ops.mkldnn._is_mkldnn_fp16_supported()  # noqa: SLF001
    return weight.dtype == torch.float32
