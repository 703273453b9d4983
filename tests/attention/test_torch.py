"""Agreement with PyTorch's own attention: the kernel, and whole attention parts with copied weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks.common import gradients, same
from mmbench.checks.mechanism import make, output, sample
from mmbench.model.block import Cross, Layer, ReadOut
from mmbench.model.interfaces import Bank, Segment, Stream
from mmbench.registry import variants

WIDTH, HEADS = 12, 3


def test_scaled_dot_product_is_that_of_torch() -> None:
    s = sample(3, 5, 7)
    mask = s.kv_mask[:, None, None, :]
    for need_weights in (False, True):
        y, _ = make(variants("attention")["scaled_dot_product"]).attend(s, need_weights=need_weights)
        plain = F.scaled_dot_product_attention(s.q, s.k, s.v, attn_mask=mask)
        assert same(y, plain)
        found_gradients, plain_gradients = gradients(y, s.inputs()), gradients(plain, s.inputs())
        for name in s.inputs():
            assert same(found_gradients[name], plain_gradients[name]), name


def test_scaled_dot_product_without_padding_is_that_of_torch() -> None:
    s = sample(3, 5, 7)
    s.kv_mask[:] = True
    y = output(make(variants("attention")["scaled_dot_product"]), s)
    assert same(y, F.scaled_dot_product_attention(s.q, s.k, s.v))


def stream(length: int, *, seed: int) -> Stream:
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randn(3, length, WIDTH, dtype=torch.float64, generator=g).requires_grad_()
    mask = torch.rand(3, length, generator=g) < 0.7
    mask[:, 0] = True
    return Stream(tokens=tokens, mask=mask, segments=(Segment(modality="a", length=length),))


def of_torch(projections: Tensor, out: nn.Linear) -> nn.MultiheadAttention:
    """With weights (3 D, D) for queries, keys and values, in the order of its own, and those of the output."""
    module = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
    with torch.no_grad():
        module.in_proj_weight.copy_(projections)
        module.in_proj_bias.zero_()
        module.out_proj.weight.copy_(out.weight)
        module.out_proj.bias.copy_(out.bias)
    return module


def assert_same_gradients(found: Tensor, plain: Tensor, *streams: Stream) -> None:
    wanted = {str(i): s.tokens for i, s in enumerate(streams)}
    found_gradients, plain_gradients = gradients(found, wanted), gradients(plain, wanted)
    for name in wanted:
        assert same(found_gradients[name], plain_gradients[name])


def test_a_layer_attends_as_multihead_attention_does() -> None:
    torch.manual_seed(0)

    def bank(make: object) -> Bank:
        return Bank(("a",), str, make)  # type: ignore[arg-type]

    layer = Layer(
        width=WIDTH,
        heads=HEADS,
        mlp_hidden=2 * WIDTH,
        make_attention=lambda: ScaledDotProduct(HEADS, WIDTH // HEADS),
        token_bank=bank,
        mlp_bank=bank,
        attention_bank=bank,
    ).double()
    # What is left of the layer without its MLP is the attention and its residual.
    nn.init.zeros_(layer.mlp["a"][-1].weight)
    nn.init.zeros_(layer.mlp["a"][-1].bias)
    x = stream(7, seed=1)
    norm, project = layer.project["a"]
    normed = norm(x.tokens)
    read, _ = of_torch(project.weight, layer.out["a"])(normed, normed, normed, key_padding_mask=~x.mask)
    found = layer("a", x).tokens
    assert same(found, x.tokens + read)
    assert_same_gradients(found, x.tokens + read, x)


def test_a_cross_block_attends_as_multihead_attention_does() -> None:
    torch.manual_seed(0)
    block = Cross(width=WIDTH, heads=HEADS, make_attention=lambda: ScaledDotProduct(HEADS, WIDTH // HEADS)).double()
    x, context = stream(7, seed=1), stream(5, seed=2)
    weights = torch.cat([block.query[1].weight, block.key_value[1].weight])
    query, key = block.query[0](x.tokens), block.key_value[0](context.tokens)
    read, _ = of_torch(weights, block.out)(query, key, key, key_padding_mask=~context.mask)
    found = block(x, context)
    assert same(found, x.tokens + read)
    assert_same_gradients(found, x.tokens + read, x, context)


def test_a_read_out_attends_as_multihead_attention_does_and_so_do_its_weights() -> None:
    torch.manual_seed(0)
    block = ReadOut(width=WIDTH, heads=HEADS, make_attention=lambda: ScaledDotProduct(HEADS, WIDTH // HEADS)).double()
    x = stream(7, seed=1)
    linear, norm = block.out
    # The learned query is handed over as it is: an identity projects it.
    module = of_torch(torch.cat([torch.eye(WIDTH), block.key_value[1].weight]), linear)
    key = block.key_value[0](x.tokens)
    query = block.query.reshape(1, 1, WIDTH).expand(3, -1, -1)
    read, weights = module(query, key, key, key_padding_mask=~x.mask, average_attn_weights=False)
    found, shown = block(x, need_weights=True)
    assert same(found, norm(read[:, 0]))
    assert same(shown, weights[:, :, 0])
    assert_same_gradients(found, norm(read[:, 0]), x)
