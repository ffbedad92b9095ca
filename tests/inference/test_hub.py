"""Models of the Hugging Face hub, which is never asked here."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

from zs3.config import get_config
from zs3.engine.weights import export_weights
from zs3.inference.hub import hub_name
from zs3.inference.load import load
from zs3.runtime.config import dump
from zs3.segmentor import ZeroShotSegmentor
from zs3.vocabulary import Vocabulary

SPNET = Path(__file__).parents[2] / "configs" / "shapes" / "spnet.yaml"


@pytest.fixture
def asked(monkeypatch, tmp_path) -> list:
    """What the hub was asked for; it answers with the folder `hub`."""
    calls = []

    def snapshot_download(name, **options):
        calls.append((name, options))
        return str(tmp_path / "hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    (tmp_path / "hub").mkdir()
    return calls


@pytest.mark.parametrize("source", ["hub:someone/streets", "someone/streets"])
def test_a_model_is_fetched_and_loaded(asked, tmp_path, source):
    cfg = get_config(SPNET, ["MODEL.DEVICE", "cpu"])
    (tmp_path / "hub/config.yaml").write_text(dump(cfg))
    export_weights(ZeroShotSegmentor(cfg), tmp_path / "hub/model_final.safetensors", {})
    Vocabulary.of(["road", "sky"]).save(tmp_path / "hub/vocabulary.json")

    assert load(source).vocabulary().names == ("road", "sky")
    files = ["config.yaml", "model_final.safetensors", "vocabulary.json"]
    assert asked == [("someone/streets", {"allow_patterns": files})]


def test_what_is_there_is_not_looked_for_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("output/spnet").mkdir(parents=True)
    assert hub_name("output/spnet") is None
    assert hub_name("hub:output/spnet") == "output/spnet"
    for other in ("configs/spnet.yaml", "output", "a/b/c", "/a/b", Path("x") / "y.yaml"):
        assert hub_name(other) is None
    assert hub_name("owner/name-1.0") == "owner/name-1.0"


def test_what_cannot_be_had_is_one_line(asked, monkeypatch):
    with pytest.raises(
        FileNotFoundError, match=r"no model of zs3: it lacks config\.yaml and model"
    ):
        load("hub:someone/streets")

    def offline(name, **options):
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(
        FileNotFoundError,
        match=r"^'outptu/spnet' is no folder or file here, and .* hub: no route to host$",
    ):
        load("outptu/spnet")
