"""Detectron2's own trainer, predictor and evaluation loop take the model as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zs3.config import add_zs3_config
from zs3.data import register_folder
from zs3.data.shapes import NAMES, draw_scene, unseen_names
from zs3.runtime.data import DatasetCatalog, MetadataCatalog

pytest.importorskip("detectron2", reason="Detectron2 is not installed (docs/runtime.md says how)")
CONFIGS = Path(__file__).parents[2] / "configs" / "shapes"


@pytest.fixture
def cfg(tmp_path):
    """Of Detectron2's own making: its tree, zs3's keys, a Shapes model, a folder of photos."""
    from detectron2.config import get_cfg

    from zs3.config import get_config

    for part, count in (("train", 4), ("val", 2)):
        for kind in ("images", "labels"):
            (tmp_path / kind / part).mkdir(parents=True)
        for i in range(count):
            scene = draw_scene(8, i)
            Image.fromarray(scene.image).save(tmp_path / "images" / part / f"{i}.png")
            Image.fromarray(scene.label).save(tmp_path / "labels" / part / f"{i}.png")
    (tmp_path / "d2shapes.yaml").write_text(
        f"names: {list(NAMES)}\nunseen: {list(unseen_names('mixed'))}\n"
        "train: {images: images/train, labels: labels/train}\n"
        "val: {images: images/val, labels: labels/val}\n"
    )
    register_folder(tmp_path / "d2shapes.yaml")
    ours = get_config(CONFIGS / "zegformer.yaml", ["MODEL.DEVICE", "cpu"])
    cfg = get_cfg()
    add_zs3_config(cfg)
    cfg.MODEL.merge_from_other_cfg(ours.MODEL)
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = ("d2shapes_train",), ("d2shapes_val",)
    cfg.INPUT.MIN_SIZE_TRAIN, cfg.INPUT.MIN_SIZE_TEST = (96,), 96
    cfg.DATALOADER.NUM_WORKERS = 0
    cfg.SOLVER.IMS_PER_BATCH, cfg.SOLVER.MAX_ITER = 2, 2
    cfg.SOLVER.LR_SCHEDULER_NAME = "WarmupCosineLR"
    cfg.OUTPUT_DIR = str(tmp_path / "output")
    Path(cfg.OUTPUT_DIR).mkdir()
    yield cfg
    for name in ("d2shapes_train", "d2shapes_val"):
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


@pytest.mark.filterwarnings("ignore")  # Detectron2's own
def test_default_trainer_trains_it(cfg):
    from detectron2.engine import DefaultTrainer

    import zs3.segmentor

    trainer = DefaultTrainer(cfg)
    assert isinstance(trainer.model, zs3.segmentor.ZeroShotSegmentor)
    trainer.train()
    assert trainer.iter == 2
    assert np.isfinite(trainer.storage.latest()["total_loss"][0])


@pytest.mark.filterwarnings("ignore")  # Detectron2's own
def test_default_predictor_and_evaluation_loop_take_it(cfg, tmp_path):
    from detectron2.data import build_detection_test_loader
    from detectron2.engine import DefaultPredictor
    from detectron2.evaluation import inference_on_dataset

    import zs3.segmentor  # noqa: F401  (registers the meta-architecture)
    from zs3.evaluation import ZeroShotEvaluator

    predictor = DefaultPredictor(cfg)
    image = draw_scene(8, 0).image
    assert predictor(image[:, :, ::-1])["sem_seg"].shape == (36, 96, 96)

    loader = build_detection_test_loader(cfg, "d2shapes_val")
    evaluator = ZeroShotEvaluator.of_dataset("d2shapes_val")
    assert "hIoU" in inference_on_dataset(predictor.model, loader, evaluator)["sem_seg"]
