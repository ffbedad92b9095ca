"""What groups pixels into regions."""

from __future__ import annotations

from ..runtime.config import CfgNode as CN


def add(cfg: CN) -> None:
    cfg.MODEL.GROUPING = CN()
    # "MaskProposals", "PixelGrid" or "ContextualPixels" (CaGNet).
    cfg.MODEL.GROUPING.NAME = "MaskProposals"
    # Backbone features that are levels of the regions, shallow to deep, and the one that sums up
    # the image (averaged over its cells), for namings that ask for them (CascadeNaming).
    cfg.MODEL.GROUPING.LEVELS = []
    cfg.MODEL.GROUPING.SUMMARY = ""
    # Width they are projected to; 0 takes them as they are.
    cfg.MODEL.GROUPING.LEVEL_DIM = 0
    cfg.MODEL.PIXEL_DECODER = CN()
    # "FPN", "TransformerEncoderFPN", "MSDeformAttnPixelDecoder" (Mask2Former), "RefineNet" (DPT,
    # LSeg), "PyramidPooling" of the finest of IN_FEATURES, or "BackboneMap": that map as it is.
    cfg.MODEL.PIXEL_DECODER.NAME = "FPN"
    # Backbone features it reads.
    cfg.MODEL.PIXEL_DECODER.IN_FEATURES = ["res2", "res3", "res4", "res5"]
    # Width of its maps, and of the mask features.
    cfg.MODEL.PIXEL_DECODER.CONV_DIM = 256
    cfg.MODEL.PIXEL_DECODER.MASK_DIM = 256
    # "GN" (32 groups), "BN", or "" for none.
    cfg.MODEL.PIXEL_DECODER.NORM = "GN"
    # PyramidPooling: probability that a channel of the mask features is dropped in training.
    cfg.MODEL.PIXEL_DECODER.DROPOUT = 0.0
    # Encoder layers: on the coarsest map (TransformerEncoderFPN), or with deformable attention on
    # all of ENC_FEATURES (MSDeformAttnPixelDecoder). Heads and dropout are the query decoder's.
    cfg.MODEL.PIXEL_DECODER.ENC_LAYERS = 6
    # MSDeformAttnPixelDecoder only: backbone features that are encoded; finer ones of IN_FEATURES
    # join in an FPN afterwards. Points that attention reads of each, and the perceptrons' width.
    cfg.MODEL.PIXEL_DECODER.ENC_FEATURES = ["res3", "res4", "res5"]
    cfg.MODEL.PIXEL_DECODER.ENC_POINTS = 4
    cfg.MODEL.PIXEL_DECODER.ENC_DIM_FEEDFORWARD = 1024
    # ASPPDecoder only (DeepLabV3+; IN_FEATURES are a fine map and a coarse one): width the fine map
    # is reduced to. CONV_DIM is the width of its looks at the coarse one.
    cfg.MODEL.PIXEL_DECODER.LOW_LEVEL_DIM = 48
    cfg.MODEL.QUERY_DECODER = CN()
    # "DETRDecoder" (one map, full attention) or "MaskedDecoder" (several maps in turn, attention
    # inside the masks).
    cfg.MODEL.QUERY_DECODER.NAME = "DETRDecoder"
    # Map(s) the queries attend to: a backbone feature for DETRDecoder ("pixel_decoder" for its
    # encoded map); for MaskedDecoder how many of the pixel decoder's maps, coarse first.
    cfg.MODEL.QUERY_DECODER.IN_FEATURE = "res5"
    cfg.MODEL.QUERY_DECODER.NUM_SCALES = 3
    cfg.MODEL.QUERY_DECODER.NUM_QUERIES = 100
    # Width, attention heads, and width of the perceptrons of its layers.
    cfg.MODEL.QUERY_DECODER.HIDDEN_DIM = 256
    cfg.MODEL.QUERY_DECODER.NHEADS = 8
    cfg.MODEL.QUERY_DECODER.DIM_FEEDFORWARD = 2048
    # Layers (published "10" of Mask2Former is 9 here), normalisation in front of them, dropout.
    cfg.MODEL.QUERY_DECODER.ENC_LAYERS = 0
    cfg.MODEL.QUERY_DECODER.DEC_LAYERS = 6
    cfg.MODEL.QUERY_DECODER.PRE_NORM = False
    cfg.MODEL.QUERY_DECODER.DROPOUT = 0.1
    # Supervise every decoder layer, not only the last.
    cfg.MODEL.QUERY_DECODER.DEEP_SUPERVISION = True
    # A 1x1 convolution in front even where the widths already agree.
    cfg.MODEL.QUERY_DECODER.ENFORCE_INPUT_PROJ = False
    cfg.MODEL.CONTEXT = CN()
    # ContextualPixels: width of the convolutions that look around.
    cfg.MODEL.CONTEXT.DIM = 256
    # Weigh them pixel by pixel. CaGNet's first version, probably that of the released weights, had
    # False, and a padding of 1 in POOL_PADDING.
    cfg.MODEL.CONTEXT.WITH_SELECTOR = True
    cfg.MODEL.CONTEXT.POOL_PADDING = 0
    cfg.MODEL.RESIDUAL_PROPOSAL = CN()
    # One more proposal, at prediction: what no query claims. For training data with ignored unseen
    # pixels.
    cfg.MODEL.RESIDUAL_PROPOSAL.ENABLED = False
    # It needs this many pixels after opening with a square of KERNEL pixels.
    cfg.MODEL.RESIDUAL_PROPOSAL.MIN_PIXELS = 100
    cfg.MODEL.RESIDUAL_PROPOSAL.KERNEL = 5
