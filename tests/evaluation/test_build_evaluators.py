import pytest

from zs3.config import get_config
from zs3.evaluation import Gallery, ZeroShotEvaluator
from zs3.evaluation.boundary import BoundaryIoU
from zs3.evaluation.build import build_evaluators
from zs3.evaluation.calibration import Calibration
from zs3.evaluation.comparisons import Comparisons
from zs3.evaluation.folds import FoldEvaluator
from zs3.runtime.data import MetadataCatalog
from zs3.vocabulary import Vocabulary


@pytest.fixture
def dataset(tmp_path):
    name = f"tested_{tmp_path.name}"
    MetadataCatalog.get(name).set(
        stuff_classes=["sky", "tree", "cat", "dog"],
        unseen=["tree", "dog"],
        kinds={"animal": ["dog"], "plant": ["tree"]},
        ignore_label=255,
        palette=[[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]],
    )
    yield name
    MetadataCatalog.remove(name)


def built(dataset, tmp_path, *opts, trained=None):
    cfg = get_config(None, ["OUTPUT_DIR", str(tmp_path), "MODEL.DEVICE", "cpu", *opts])
    return build_evaluators(cfg, dataset, trained)


def test_one_for_every_run_in_a_folder_of_its_own(dataset, tmp_path):
    names = "['generalized', 'unseen', 'mmseg', 'cagnet']"
    standard, unseen, grid = built(dataset, tmp_path, "TEST.PROTOCOLS", names)
    folder = tmp_path / "inference" / dataset
    assert standard.protocols == ["generalized", "mmseg"] and standard.output_dir == folder
    assert unseen.asked.names == ("tree", "dog") and unseen.output_dir == folder / "unseen"
    assert [observer.colours.tolist() for observer in unseen.observers] == [[[2] * 3, [4] * 3]]
    assert [type(observer) for observer in standard.observers] == [Comparisons, Gallery]
    assert (grid.size, grid.output_dir) == ("grid", folder / "cagnet")
    assert standard.kinds == {"animal": ("dog",), "plant": ("tree",)}


def test_kinds_are_of_what_is_unseen_in_training(dataset, tmp_path):
    trained = Vocabulary.of(["dog", "cat"], unseen=["cat"])
    options = ("TEST.PROTOCOLS", "['cross_dataset']")
    (subject,) = built(dataset, tmp_path, *options, trained=trained)
    assert subject.vocabulary.seen == ("dog",)
    assert subject.kinds == {"plant": ("tree",)}
    with pytest.raises(ValueError, match="neither a vocabulary"):
        built(dataset, tmp_path, *options)


def test_measures(dataset, tmp_path):
    (plain,) = built(dataset, tmp_path)
    assert not plain.measures and not plain.wants_rivals
    options = ["TEST.BOUNDARY_IOU", "True", "TEST.CALIBRATION.COUNT", "5"]
    options += ["MODEL.SEEN_BIAS.GAMMA", "0.2", "TEST.PROTOCOLS", "['generalized', 'unseen']"]
    standard, unseen = built(dataset, tmp_path, *options)
    assert [type(measure) for measure in standard.measures] == [BoundaryIoU, Calibration]
    assert standard.measures[1].gammas == [0, 0.25, 0.5, 0.75, 1]
    assert standard.measures[1].offset == 0.2
    assert standard.wants_rivals
    # Where only unseen names compete there is nothing to calibrate.
    assert [type(measure) for measure in unseen.measures] == [BoundaryIoU]


@pytest.mark.parametrize(("gammas", "count"), [("[]", "1"), ("[]", "-3"), ("[0.1]", "4")])
def test_a_curve_needs_a_list_or_a_count(dataset, tmp_path, gammas, count):
    options = ["TEST.CALIBRATION.GAMMAS", gammas, "TEST.CALIBRATION.COUNT", count]
    with pytest.raises(ValueError, match="either a list or a count of 2 or more"):
        built(dataset, tmp_path, *options)


@pytest.mark.parametrize("mode", ["TEST.SLIDING_WINDOW.ENABLED", "TEST.AUG.ENABLED"])
def test_several_looks_have_no_grid_in_common(dataset, tmp_path, mode):
    with pytest.raises(ValueError, match="'cagnet' compares on the features of one look"):
        built(dataset, tmp_path, "TEST.PROTOCOLS", "['cagnet']", mode, "True")


def test_folds_have_their_own_evaluator(dataset, tmp_path):
    (subject,) = built(dataset, tmp_path)
    assert isinstance(subject, ZeroShotEvaluator)
    MetadataCatalog.get(dataset).set(evaluator_type="episodes")
    (subject,) = built(dataset, tmp_path, "TEST.PROTOCOLS", "['generalized', 'sazs']")
    assert isinstance(subject, FoldEvaluator)
    assert list(subject.protocols) == ["generalized", "sazs"]
    with pytest.raises(ValueError, match="of episodes is called 'cagnet'"):
        built(dataset, tmp_path, "TEST.PROTOCOLS", "['cagnet']")
