"""
CAT-Seg's aggregation (arXiv 2303.11797, section 3) as one would write it down: all classes of all
images at once. What `cost_aggregation.py` compares zs3's with, whose weights it uses.

B images, K classes, P templates, h w cells, C channels, G channels of guidance.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zs3.aggregation import CostAggregation
from zs3.aggregation.build import Naming
from zs3.aggregation.classes import ClassAggregation
from zs3.aggregation.spatial import GuidedSwinBlock, SpatialAggregation
from zs3.regions import Regions


class PlainAggregation(nn.Module):
    """
    Args:
        trained: whose weights and options these are. Linear class attention, guidance of each
            image's own, and grids of whole windows are all that is written here.
    """

    def __init__(self, trained: CostAggregation) -> None:
        super().__init__()
        self.trained = trained

    def forward(
        self, features: dict[str, Tensor], regions: list[Regions], text: Tensor, naming: Naming
    ) -> tuple[list[Regions], list[Tensor]]:
        """As `Aggregation`."""
        own, cells = self.trained, regions[-1]
        batch, (height, width) = len(cells.embeddings), cells.grid
        text = text if text.dim() == 4 else text.expand(batch, -1, -1, -1)  # (B, K, P, D)
        scores = naming(cells, text)  # (B, h w, K, P)
        num_classes, best = text.shape[1], None
        if 0 < own.keep < num_classes:
            best = scores.amax((1, 3)).topk(own.keep).indices  # (B, K')
            text = torch.stack([text[b, best[b]] for b in range(batch)])
            scores = torch.stack([scores[b][:, best[b]] for b in range(batch)])
        names = own.text_guidance(F.normalize(F.normalize(text, dim=-1).mean(2), dim=-1))
        appearance = own.appearance(features, cells.grid).permute(0, 2, 3, 1)  # (B, h, w, G)

        asked = text.shape[1]
        maps = own.embedding(scores.permute(0, 2, 3, 1).unflatten(3, cells.grid).flatten(0, 1))
        x = maps.permute(0, 2, 3, 1).unflatten(0, (batch, asked))  # (B, K, h, w, C)
        for layer in own.layers:
            x = _spatial(layer.spatial, x, appearance)
            x = _classes(layer.classes, x, names)

        maps = x.permute(0, 1, 4, 2, 3).flatten(0, 1)  # (B K, C, h, w)
        for i, block in enumerate(own.decoder.blocks):
            size = (height * 2 ** (i + 1), width * 2 ** (i + 1))
            guidance = own.decoder_guidance[i](features, size).repeat_interleave(asked, 0)
            maps = block.conv(torch.cat([block.up(maps), guidance], dim=1))
        logits = own.decoder.head(maps).unflatten(0, (batch, asked)).squeeze(2)
        if best is not None:
            every = logits.new_full((batch, num_classes, *size), -100.0)
            logits = every.scatter(1, best[..., None, None].expand_as(logits), logits)
        finer = Regions(logits.new_zeros(batch, size[0] * size[1], 0), grid=size)
        return [finer], [logits.flatten(2).transpose(1, 2)]


def _spatial(layer: SpatialAggregation, x: Tensor, appearance: Tensor) -> Tensor:
    """(B, K, h, w, C), and (B, h, w, G) -> (B, K, h, w, C)"""
    maps = x.flatten(0, 1)
    guidance = layer.guidance_norm(appearance).repeat_interleave(x.shape[1], 0)
    for block in layer.blocks:
        maps = maps + _window_attention(block, torch.cat([block.norm1(maps), guidance], dim=-1))
        maps = maps + block.mlp(block.norm2(maps))
    return maps.unflatten(0, x.shape[:2])


def _window_attention(block: GuidedSwinBlock, guided: Tensor) -> Tensor:
    """(M, h, w, C + G) -> (M, h, w, C)"""
    attn, window, shift = block.attn, block.window, block.shift
    count, height, width, _ = guided.shape
    rows, columns = height // window, width // window
    guided = torch.roll(guided, (-shift, -shift), (1, 2))
    cells = guided.view(count, rows, window, columns, window, -1).transpose(2, 3)
    cells = cells.reshape(count, rows * columns, window**2, -1)
    own = cells[..., : attn.v.in_features]
    q, k, v = (
        y.unflatten(-1, (attn.heads, -1)).transpose(2, 3)
        for y in (attn.q(cells), attn.k(cells), attn.v(own))
    )  # (M, windows, heads, cells, c)
    logits = q @ k.mT / k.shape[-1] ** 0.5
    if shift:
        logits = logits - 100 * _apart(height, width, window, shift)[:, None]
    attended = (logits.softmax(-1) @ v).transpose(2, 3).flatten(3)
    maps = attn.proj(attended).view(count, rows, columns, window, window, -1).transpose(2, 3)
    return torch.roll(maps.reshape(count, height, width, -1), (shift, shift), (1, 2))


def _apart(height: int, width: int, window: int, shift: int) -> Tensor:
    """(windows, cells, cells), 1 where a shifted window holds cells from opposite borders."""
    area = torch.zeros(height, width)
    area[-shift:] += 1
    area[:, -shift:] += 2
    area = area.view(height // window, window, width // window, window).transpose(1, 2)
    area = area.reshape(-1, window**2)
    return (area[:, None] != area[:, :, None]).float()


def _classes(layer: ClassAggregation, x: Tensor, names: Tensor) -> Tensor:
    """(B, K, h, w, C), and (B, K, G) -> (B, K, h, w, C)"""
    batch, num_classes, height, width, _ = x.shape
    maps = F.avg_pool2d(x.permute(0, 1, 4, 2, 3).flatten(0, 1), layer.pool)  # (B K, C, h', w')
    rows = maps.unflatten(0, (batch, num_classes)).permute(0, 3, 4, 1, 2)  # (B, h', w', K, C)
    guidance = names[:, None, None].expand(*rows.shape[:4], -1)
    missing = layer.pad_to - num_classes
    if missing > 0:
        copies = (*rows.shape[:3], missing, -1)
        rows = torch.cat([rows, layer.padding_tokens.expand(copies)], dim=3)
        guidance = torch.cat([guidance, layer.padding_guidance.expand(copies)], dim=3)
    normed = layer.norm1(rows)
    guided = torch.cat([normed, guidance], dim=-1)
    q, k, v = (
        y.unflatten(-1, (layer.heads, -1))
        for y in (layer.q(guided), layer.k(guided), layer.v(normed))
    )  # (B, h', w', K, heads, c)
    q, k = F.elu(q) + 1, F.elu(k) + 1
    numerator = torch.einsum(
        "...lhc,...hcd->...lhd", q, torch.einsum("...shc,...shd->...hcd", k, v)
    )
    denominator = torch.einsum("...lhc,...hc->...lh", q, k.sum(-3)) + 1e-6
    rows = rows + (numerator / denominator[..., None]).flatten(-2)
    inner = layer.norm2(rows)
    rows = rows + layer.mlp(inner) + (inner if layer.mlp_identity else 0)
    maps = rows[..., :num_classes, :].permute(0, 3, 4, 1, 2).flatten(0, 1)
    maps = F.interpolate(maps, (height, width), mode="bilinear", align_corners=True)
    return x + maps.permute(0, 2, 3, 1).unflatten(0, (batch, num_classes))
