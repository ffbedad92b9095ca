"""docs/your-data.md: its descriptions are read, and what its commands name is there."""

import re
from pathlib import Path

import pytest

from zs3.config import get_config
from zs3.data.annotations import FORMATS
from zs3.data.description import _KEYS, read_description

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "your-data.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "names:" in block])
def test_a_description_in_the_document_is_one(block, tmp_path):
    (tmp_path / "garden.yaml").write_text(block)
    assert len(read_description(tmp_path / "garden.yaml").vocabulary) >= 4


def test_a_configuration_in_the_document_is_one(tmp_path):
    (block,) = (block for block in BLOCKS if "_BASE_" in block)
    absolute = block.replace('"configs/', f'"{ROOT}/configs/')
    (tmp_path / "garden_r50.yaml").write_text(absolute)
    assert get_config(tmp_path / "garden_r50.yaml").DATASETS.TEST == ("garden_val",)


def test_what_the_commands_name_is_there():
    named = re.findall(r"(?:configs|datasets)/[\w/]+\.(?:py|yaml)", TEXT)
    assert "configs/own/small.yaml" in named
    assert all((ROOT / path).is_file() for path in named)


def test_every_key_and_format_is_explained():
    assert all(f"`{key}`" in TEXT for key in (*_KEYS, *FORMATS))
