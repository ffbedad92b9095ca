import itertools
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from zs3.config import get_config
from zs3.data.loader import EpochStream, build_test_loader, build_train_loader
from zs3.data.mapper import IMAGE_ARRAY, LABEL_ARRAY
from zs3.runtime.data import DatasetCatalog, MetadataCatalog
from zs3.runtime.utils import comm

COUNT = 7
SETTINGS = [
    "DATASETS.TRAIN",
    "('toy',)",
    "DATASETS.TEST",
    "('toy',)",
    "DATALOADER.NUM_WORKERS",
    "0",
]
SETTINGS += [
    "SOLVER.IMS_PER_BATCH",
    "4",
    "INPUT.MIN_SIZE_TRAIN",
    "(0,)",
    "INPUT.MIN_SIZE_TEST",
    "0",
]
SETTINGS += ["INPUT.CROP.ENABLED", "True", "INPUT.COLOR_AUG_SSD", "True"]

# Python 3.12 and later point at forks of processes with threads, which is how workers start.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def toy_samples():
    rng = np.random.default_rng(0)
    return [
        {
            "file_name": f"toy/{i}",
            "image_id": i,
            IMAGE_ARRAY: rng.integers(0, 256, (9, 13, 3), np.uint8),
            LABEL_ARRAY: rng.integers(0, 3, (9, 13), np.uint8),
        }
        for i in range(COUNT)
    ]


@pytest.fixture
def register():
    names = []

    def add(name, samples, **metadata):
        DatasetCatalog.register(name, lambda: samples)
        MetadataCatalog.get(name).set(
            **{"stuff_classes": ["a", "b", "c"], "unseen": ["c"], "ignore_label": 255, **metadata}
        )
        names.append(name)

    yield add
    for name in names:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


@pytest.fixture(autouse=True)
def toy(register):
    register("toy", toy_samples())


def config(*opts):
    return get_config(None, [*SETTINGS, *map(str, opts)])


def as_rank(monkeypatch, rank, world_size):
    monkeypatch.setattr(comm, "get_rank", lambda: rank)
    monkeypatch.setattr(comm, "get_world_size", lambda: world_size)


def take(loader, batches):
    """(image_id, pixels, labels) of the first samples."""
    return [
        (sample["image_id"], sample["image"].numpy().tobytes(), sample["sem_seg"].numpy().tobytes())
        for batch in itertools.islice(loader, batches)
        for sample in batch
    ]


def test_every_epoch_is_another_permutation():
    stream = itertools.chain.from_iterable(EpochStream(COUNT, seed=3, batch_size=2))
    positions, indices = zip(*itertools.islice(stream, 3 * COUNT + 1), strict=True)
    assert positions == tuple(range(3 * COUNT + 1))
    epochs = [indices[i * COUNT : (i + 1) * COUNT] for i in range(3)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len(set(epochs)) == 3


def test_a_batch_may_be_larger_than_the_dataset():
    batch = next(iter(EpochStream(3, seed=0, batch_size=7)))
    assert sorted(index for _, index in batch[:3]) == [0, 1, 2]
    assert [position for position, _ in batch] == list(range(7))


def test_seeds_give_different_streams():
    first, second = (next(iter(EpochStream(50, seed, 50))) for seed in (0, 1))
    assert first != second


def test_classes_are_drawn_alike_whatever_their_number_of_samples():
    groups = [np.array([4]), np.array([0, 1, 2, 3, 5, 6])]
    stream = EpochStream(COUNT, seed=3, batch_size=400, groups=groups)
    first, second = itertools.islice(stream, 2)
    drawn = np.bincount([index for _, index in first], minlength=COUNT)
    assert 160 < drawn[4] < 240 and drawn.sum() == 400
    assert (drawn[groups[1]] > 15).all()
    again = EpochStream(COUNT, seed=3, batch_size=200, start=400, groups=groups)
    assert list(itertools.chain(*itertools.islice(again, 2))) == second


def test_classes_are_those_of_episodes(register):
    names = ("a", "b", "b", "a", "b", "b", "b")
    samples = [{**s, "episode": n} for s, n in zip(toy_samples(), names, strict=True)]
    register("episodes", samples)
    loader = build_train_loader(
        config("DATASETS.TRAIN", "('episodes',)", "DATALOADER.BY_CLASS", True)
    )
    groups = loader.loader.batch_sampler.groups
    assert [group.tolist() for group in groups] == [[0, 3], [1, 2, 4, 5, 6]]
    with pytest.raises(ValueError, match=r"DATALOADER\.BY_CLASS draws the class that a sample"):
        build_train_loader(config("DATALOADER.BY_CLASS", True))


def test_workers_do_not_change_bytes():
    alone = take(build_train_loader(config()), 5)
    assert len({pixels for _, pixels, _ in alone}) == len(alone)  # the same image twice differs
    for workers in (1, 2):
        assert take(build_train_loader(config("DATALOADER.NUM_WORKERS", workers)), 5) == alone


def test_workers_may_be_started_afresh():
    """Where processes are not forked, the dataset travels to them pickled."""
    dataset = build_train_loader(config()).loader.dataset
    copied = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copied[5, 2]["image"], dataset[5, 2]["image"])


def test_ranks_share_the_batches_of_one_process(monkeypatch):
    alone = take(build_train_loader(config()), 5)
    shares = []
    for rank in range(2):
        as_rank(monkeypatch, rank, 2)
        shares.append(take(build_train_loader(config()), 5))
    halves = [shares[rank][2 * batch : 2 * batch + 2] for batch in range(5) for rank in range(2)]
    assert list(itertools.chain.from_iterable(halves)) == alone


@pytest.mark.parametrize("start", [4, 12])
def test_a_stream_continues_where_it_stopped(start):
    whole = take(build_train_loader(config()), 6)
    assert take(build_train_loader(config(), start=start), 6 - start // 4) == whole[start:]


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    take(build_train_loader(config()), 1)
    take(build_test_loader(config(), "toy"), 1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("world_size", "batch"), [(1, 1), (1, 3), (3, 2), (9, 1)])
def test_every_test_image_comes_once_and_in_order(monkeypatch, world_size, batch):
    found = []
    for rank in range(world_size):
        as_rank(monkeypatch, rank, world_size)
        loader = build_test_loader(config("TEST.IMS_PER_BATCH", batch), "toy")
        samples = [ids for ids, _, _ in take(loader, 100)]
        assert len(loader) == -(-len(samples) // batch)
        found += samples
    assert found == list(range(COUNT))


def test_a_test_loader_can_be_read_again_with_workers():
    loader = build_test_loader(config("DATALOADER.NUM_WORKERS", 1), "toy")
    assert take(loader, 100) == take(loader, 100)


def test_datasets_are_trained_on_together(register):
    register("more", [{**sample, "image_id": 100} for sample in toy_samples()])
    ids = [
        i for i, _, _ in take(build_train_loader(config("DATASETS.TRAIN", "('toy', 'more')")), 7)
    ]
    assert sorted(ids[: 2 * COUNT]) == [*range(COUNT), *[100] * COUNT]


def test_datasets_of_other_classes_are_refused(register):
    register("other", toy_samples(), stuff_classes=["a", "b", "c", "d"])
    with pytest.raises(ValueError, match=r"'toy' and 'other' in .* differ in their stuff_classes"):
        build_train_loader(config("DATASETS.TRAIN", "('toy', 'other')"))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named_in_one_line(register, tmp_path, workers):
    files = {"file_name": str(tmp_path / "bad.jpg"), "sem_seg_file_name": str(tmp_path / "ok.png")}
    (tmp_path / "bad.jpg").write_bytes(b"not a picture")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "ok.png")
    register("broken", [files])
    cfg = config("DATASETS.TRAIN", "('broken',)", "DATALOADER.NUM_WORKERS", workers)
    for loader in (build_train_loader(cfg), build_test_loader(cfg, "broken")):
        with pytest.raises(ValueError, match=r"^\S*bad\.jpg cannot be read as an image: [^\n]*$"):
            next(iter(loader))


@pytest.mark.parametrize(
    ("opts", "message"),
    [
        (["DATASETS.TRAIN", "()"], "DATASETS.TRAIN is empty"),
        (["DATASETS.TRAIN", "('toi',)"], "no dataset is called 'toi'. Did you mean 'toy'"),
        (
            ["DATASETS.TRAIN", "('qqqq',)"],
            "'qqqq'. `zs3 datasets` lists those there are. .*DATASETS.FILES, or given to a command",
        ),
        (["DATASETS.TRAIN", f"('{'q' * 900}',)"], r"called 'q{40} \.\.\. q{40}'\. `zs3"),
        (["DATASETS.TEST", "('toi',)"], "no dataset is called 'toi'. Did you mean 'toy'"),
        (["SOLVER.IMS_PER_BATCH", "0"], "IMS_PER_BATCH is 0"),
        (["SEED", "-1"], "SEED is -1; samples are drawn from it"),
    ],
)
def test_bad_settings_are_refused(opts, message):
    with pytest.raises(ValueError, match=message):
        build_train_loader(config(*opts))


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    as_rank(monkeypatch, 0, 3)
    with pytest.raises(ValueError, match=r"is 4, which 3 processes cannot share .* multiple of 3"):
        build_train_loader(config())


def test_a_dataset_without_images_is_refused(register):
    register("empty", [])
    with pytest.raises(ValueError, match="dataset 'empty' has no images"):
        build_test_loader(config(), "empty")
