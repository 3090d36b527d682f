import pytest
import torch

from mathmill.rollout.projections import Projections

TYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("biases", [(False, False), (True, True), (True, False)])
@pytest.mark.parametrize("dtype", TYPES)
def test_gives_what_the_layers_give_in_every_type_on_any_processor(dtype: torch.dtype, biases: tuple[bool, bool]):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(48, 32, bias=bias).to(dtype) for bias in biases]
    states = torch.randn(16, 48).to(dtype)
    with torch.no_grad():
        ours = Projections(layers)(states)
        exact = torch.cat([layer.double()(states.double()) for layer in layers], dim=-1)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.double(), exact, atol=16 * torch.finfo(dtype).eps, rtol=0)
