"""
The two halves of mask proposals, by the names that configurations use.

A pixel decoder is built as `Part(cfg, input_shape)`, has `embedding_dim`, the width of its mask
features, and turns the backbone's maps by name into `DecodedPixels`.

A query decoder is built as `Part(cfg, input_shape)`, has `embedding_dim`, the width of its queries,
and turns the backbone's maps and the decoded pixels into a list of `Regions`: in training those of
every supervised layer, earliest first; else the last ones only.
"""

from __future__ import annotations

from ..registry import PartRegistry

PIXEL_DECODER_REGISTRY = PartRegistry("pixel decoder")
QUERY_DECODER_REGISTRY = PartRegistry("query decoder")
