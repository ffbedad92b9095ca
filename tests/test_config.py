"""The configuration tree: every key is read by something, and every shipped file fits it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zs3.config import add_zs3_config, get_config
from zs3.runtime.config import CfgNode
from zs3.runtime.embedded.config import get_cfg

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "configs").rglob("*.yaml"))


def leaves(node: CfgNode, prefix: str = "") -> list[str]:
    keys = []
    for name, value in node.items():
        keys += leaves(value, f"{prefix}{name}.") if isinstance(value, CfgNode) else [prefix + name]
    return keys


def tree() -> CfgNode:
    cfg = get_cfg()
    add_zs3_config(cfg)
    return cfg


def test_no_key_is_without_a_reader():
    package = ROOT / "zs3"
    code = "\n".join(
        path.read_text()
        for path in package.rglob("*.py")
        if path.parent != package / "config" and path != package / "runtime/embedded/config.py"
    )
    unread = [key for key in leaves(tree()) if key != "VERSION" and not is_read(key, code)]
    assert not unread, f"nobody reads {unread}"


def is_read(key: str, code: str) -> bool:
    """
    Whether code asks for the key by its last two parts, or takes its section and asks for the last
    part.
    """
    section, _, name = key.rpartition(".")
    last = section.rpartition(".")[2]
    direct = re.search(rf"\b{re.escape(last)}\.{name}\b" if last else rf"cfg\.{name}\b", code)
    taken = re.search(rf"=\s*cfg\.{re.escape(section)}$", code, re.MULTILINE)
    return bool(direct or (taken and re.search(rf"\.{name}\b", code)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "configs")))
def test_every_shipped_file_fits_the_tree_and_reports_its_setting(path):
    text = path.read_text()
    if re.search("^(root|of):", text, re.MULTILINE):  # for DATASETS.FILES
        return
    cfg = get_config(path)
    if cfg.MODEL.LABEL_POLICY.NAME == "Transductive" or cfg.SELF_TRAINING.ENABLED:
        assert cfg.TEST.SETTING != "inductive"
        if "shapes" in path.parts:  # where some sets do not show unseen classes
            assert all("ignore" in name for name in cfg.DATASETS.TRAIN)


def test_a_mistyped_key_is_refused_with_the_nearest_one(tmp_path):
    (tmp_path / "wrong.yaml").write_text("MODEL:\n  NAMING:\n    TEMPRATURE: 0.1\n")
    with pytest.raises(
        ValueError, match=r"wrong\.yaml.*MODEL\.NAMING\.TEMPRATURE.*MODEL\.NAMING\.TEMPERATURE"
    ):
        get_config(tmp_path / "wrong.yaml")


def test_the_command_line_wins_over_files():
    cfg = get_config(ROOT / "configs" / "shapes" / "zegformer.yaml", ["SOLVER.MAX_ITER", "7"])
    assert cfg.SOLVER.MAX_ITER == 7
    assert cfg.MODEL.QUERY_DECODER.NUM_QUERIES == 16
    with pytest.raises(AttributeError):
        cfg.SOLVER.MAX_ITER = 8
