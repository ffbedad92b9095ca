"""`zs3 blocks`: label blocks for CaGNetv2's synthetic batches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..runtime.arguments import positive
from .errors import say_errors

if TYPE_CHECKING:
    from torch import Tensor

EPILOG = """
The configuration names the data, whose labels of seen classes are learned from, and the text.

examples:
  zs3 blocks --config-file configs/cagnet/cagnetv2_voc.yaml --output blocks.safetensors
  a published PixelCNN instead of training one:
      zs3 blocks --config-file configs/cagnet/cagnetv2_voc.yaml --output blocks.safetensors \\
          --weights pixelcnn.pth
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Learns which labels lie beside which, and writes blocks of them with unseen classes."""
    parser = argparse.ArgumentParser(
        description=main.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config-file", metavar="FILE", required=True, help="a configuration")
    parser.add_argument("--output", metavar="FILE", required=True, help="a .safetensors to write")
    parser.add_argument(
        "--side", type=int, default=3, choices=(3, 5, 7), help="of a block (default: 3)"
    )
    parser.add_argument("--weights", metavar="FILE", help="of a published PixelCNN; trains none")
    parser.add_argument(
        "--iterations",
        type=positive,
        default=2000,
        metavar="N",
        help="of training, default: %(default)s",
    )
    parser.add_argument(
        "--lr", type=float, default=1e-3, help="published: 1e-6 for 10 epochs; default: %(default)s"
    )
    parser.add_argument(
        "--rounds",
        type=positive,
        default=20,
        metavar="N",
        help="of sampling; most blocks are thrown away; default: %(default)s",
    )
    parser.add_argument(
        "--each",
        type=positive,
        default=16384,
        metavar="N",
        help="blocks a round (default: %(default)s)",
    )
    parser.add_argument(
        "--fuse",
        type=int,
        default=0,
        metavar="N",
        choices=range(101),
        help="add N times as many blocks of one class (published option: 8; default: none)",
    )
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="configuration keys to set")
    args = parser.parse_intermixed_args(arguments)
    say_errors(lambda: _blocks(args))


def _blocks(args: argparse.Namespace) -> None:
    from pathlib import Path

    import torch
    from safetensors.torch import save

    from ..checkpoints.cagnet import convert_pixel_cnn
    from ..checkpoints.safe_load import safe_load, state_dict_of
    from ..config import get_config
    from ..data import build_train_loader, register_datasets, vocabulary_of
    from ..engine.label_blocks import RECIPES, fused, learn, sample, shown
    from ..files import ready_to_write, write_atomically
    from ..generation.pixel_cnn import PixelCNN
    from ..label_policy import KnownNames
    from ..text import build_text_bank

    ready_to_write(args.output)
    cfg = get_config(args.config_file, args.opts)
    register_datasets(cfg)
    if not cfg.DATASETS.TRAIN:
        raise ValueError("there is nothing to learn from: DATASETS.TRAIN is empty.")
    vocabulary = vocabulary_of(cfg.DATASETS.TRAIN[0])
    if not vocabulary.unseen:
        raise ValueError(f"{cfg.DATASETS.TRAIN[0]} has no unseen classes to make blocks of.")
    torch.manual_seed(cfg.SEED)
    text = build_text_bank(cfg).eval()([vocabulary]).mean(1)
    recipe = RECIPES[args.side]
    network = PixelCNN(
        text_dim=text.shape[1],
        num_classes=len(vocabulary),
        kernel=recipe.kernel,
        dropout=recipe.dropout,
    )

    def labels() -> Iterator[Tensor]:
        for batch in build_train_loader(cfg, 0):
            maps = [sample["sem_seg"].long() for sample in batch]
            yield torch.stack(KnownNames().ask([vocabulary], maps)[1])

    if args.weights:
        network.load_state_dict(convert_pixel_cnn(state_dict_of(safe_load(Path(args.weights)))))
    else:
        learn(network, text, shown(labels(), args.iterations), side=args.side, lr=args.lr)
    is_unseen = ~torch.tensor(vocabulary.is_seen)
    blocks = sample(network, text, is_unseen, side=args.side, rounds=args.rounds, each=args.each)
    blocks = fused(blocks, is_unseen, args.fuse)
    write_atomically(Path(args.output), save({"blocks": blocks.contiguous()}))
    print(f"{args.output} holds {len(blocks)} blocks")
