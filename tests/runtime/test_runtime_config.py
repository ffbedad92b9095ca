"""The configuration tree, YAML files, overrides, and constructors made from them."""

from __future__ import annotations

import pytest

from zs3.config import add_zs3_config, get_config


def leaves(node, prefix=""):
    for name, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@pytest.fixture
def yaml_file(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


# ---- defaults


def test_the_defaults_are_detectron2s(runtime):
    from zs3.runtime.embedded.config import get_cfg as embedded_get_cfg

    actual = dict(leaves(runtime.config.get_cfg()))
    for key, value in leaves(embedded_get_cfg()):
        assert (key, actual[key], type(actual[key])) == (key, value, type(value))


def test_zs3s_own_keys_are_not_keys_of_detectron2_that_the_embedded_tree_left_out(runtime):
    embedded = runtime.config._keys_zs3_reads()
    before = dict(leaves(embedded))
    add_zs3_config(embedded)
    own = dict(leaves(embedded)).keys() - before.keys()
    assert not own & dict(leaves(runtime.config.get_cfg())).keys()


def test_two_configurations_share_nothing(runtime):
    changed = runtime.config.get_cfg()
    changed.MODEL.RESNETS.OUT_FEATURES.append("res5")
    assert runtime.config.get_cfg().MODEL.RESNETS.OUT_FEATURES == ["res4"]


# ---- files


def test_a_file_overrides_the_defaults_and_options_override_the_file(runtime, yaml_file):
    path = yaml_file("a.yaml", "SOLVER: {MAX_ITER: 7, STEPS: [3, 5]}\nSEED: 4\n")
    cfg = runtime.config.load_config(path, ["SEED", "5"])
    assert isinstance(cfg, runtime.config.CfgNode)
    assert (cfg.SOLVER.MAX_ITER, cfg.SOLVER.STEPS, cfg.SEED) == (7, (3, 5), 5)
    assert cfg.SOLVER.BASE_LR == 0.001


def test_one_base_is_found_beside_the_file_that_names_it(runtime, yaml_file):
    yaml_file("data/voc.yaml", "_BASE_: common/size.yaml\nSEED: 2\n")
    yaml_file("data/common/size.yaml", "SEED: 1\nINPUT: {MIN_SIZE_TEST: 33}\n")
    cfg = runtime.config.load_config(yaml_file("method/a.yaml", "_BASE_: ../data/voc.yaml\n"))
    assert (cfg.SEED, cfg.INPUT.MIN_SIZE_TEST) == (2, 33)


def test_of_several_bases_later_ones_win_and_the_file_wins_over_all(runtime, yaml_file):
    yaml_file("one.yaml", "SEED: 1\nSOLVER: {MAX_ITER: 1, GAMMA: 0.5}\nOUTPUT_DIR: one\n")
    yaml_file("two.yaml", "SEED: 2\nSOLVER: {MAX_ITER: 2}\n")
    path = yaml_file("a.yaml", "_BASE_: [one.yaml, two.yaml]\nSEED: 3\n")
    cfg = runtime.config.load_config(path)
    assert (cfg.SEED, cfg.SOLVER.MAX_ITER, cfg.SOLVER.GAMMA) == (3, 2, 0.5)
    assert cfg.OUTPUT_DIR == "one"


def test_the_runtimes_own_merging_reads_the_same_file_alike(runtime, yaml_file):
    yaml_file("one.yaml", "SEED: 1\nINPUT: {CROP: {SIZE: [0.5, 0.25]}}\n")
    yaml_file("two.yaml", "SOLVER: {BASE_LR: 1e-4, STEPS: [1, 2]}\n")
    path = yaml_file("a.yaml", "_BASE_: [one.yaml, two.yaml]\nVERSION: 2\nDATASETS: {TRAIN: [a]}\n")
    merged = runtime.config.get_cfg()
    merged.merge_from_file(str(path))
    merged.MODEL.DEVICE = "cpu"
    assert runtime.config.load_config(path, ["MODEL.DEVICE", "cpu"]) == merged


def test_bases_in_a_circle_are_refused(runtime, yaml_file):
    yaml_file("one.yaml", "_BASE_: two.yaml\n")
    path = yaml_file("two.yaml", "_BASE_: one.yaml\n")
    with pytest.raises(ValueError, match=r"two\.yaml: its _BASE_ leads back to itself"):
        runtime.config.load_config(path)


def test_a_base_that_is_no_file_name_is_refused(runtime, yaml_file):
    with pytest.raises(ValueError, match=r"_BASE_ expects a file name or a list of them.*got 3"):
        runtime.config.load_config(yaml_file("a.yaml", "_BASE_: 3\n"))


def test_a_missing_file_is_named(runtime, yaml_file):
    with pytest.raises(
        FileNotFoundError, match=r"nowhere\.yaml, which .*a\.yaml names as its _BASE_"
    ):
        runtime.config.load_config(yaml_file("a.yaml", "_BASE_: nowhere.yaml\n"))


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.getcwd []", "!!python/tuple [1, 2]"])
def test_yaml_that_asks_for_python_objects_is_refused(runtime, yaml_file, tag):
    path = yaml_file("a.yaml", f"OUTPUT_DIR: {tag}\n")
    with pytest.raises(ValueError, match=r"a\.yaml is not plain YAML.*python"):
        runtime.config.load_config(path)


def test_a_section_given_twice_is_refused(runtime, yaml_file):
    path = yaml_file("a.yaml", "SOLVER: {MAX_ITER: 1}\nSOLVER: {GAMMA: 0.5}\n")
    with pytest.raises(ValueError, match="key 'SOLVER' is given twice"):
        runtime.config.load_config(path)


def test_a_file_without_keys_is_refused_and_an_empty_one_is_not(runtime, yaml_file):
    with pytest.raises(ValueError, match="holds a list; expected keys and values"):
        runtime.config.load_config(yaml_file("a.yaml", "- 1\n"))
    cfg = runtime.config.load_config(yaml_file("empty.yaml", "# nothing\n"))
    assert cfg.SEED == -1


# ---- keys and values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SOLVER: {MAX_ITERS: 3}", "SOLVER.MAX_ITERS is not a key .* nearest is SOLVER.MAX_ITER"),
        ("SOLVR: {MAX_ITER: 3}", "SOLVR.MAX_ITER is not a key .* nearest is SOLVER.MAX_ITER"),
        ("QWERTY: {X: 1}", "QWERTY.X is not a key that zs3 reads. None is near it; zs3/config has"),
        ("MODEL: {XYZZY: 3}", "MODEL.XYZZY is not a key .* None is near it"),
        ("MODEL: {FREEZE_AT: 3}", "MODEL.FREEZE_AT .* nearest is MODEL.BACKBONE.FREEZE_AT"),
        ("SOLVER: 3", "SOLVER is a section with SOLVER.AMP.ENABLED and others; got 3"),
        ("SEED: {X: 3}", "SEED.X: SEED is no section; it expects int"),
        ("SOLVER: {MAX_ITER: many}", "SOLVER.MAX_ITER expects int .* got str 'many'"),
        ("SOLVER: {MAX_ITER: 3.5}", "SOLVER.MAX_ITER expects int .* got float 3.5"),
        ("SOLVER: {AMP: {ENABLED: 1}}", "SOLVER.AMP.ENABLED expects bool .* got int 1"),
        ("SOLVER: {STEPS: 3}", r"SOLVER.STEPS expects tuple .*\(30000,\).* got int 3"),
        ("OUTPUT_DIR: null", "OUTPUT_DIR expects str .* got NoneType None"),
    ],
)
def test_a_mistake_names_file_key_and_remedy(runtime, yaml_file, text, message):
    path = yaml_file("a.yaml", text)
    with pytest.raises(ValueError, match=rf"a\.yaml: {message}"):
        runtime.config.load_config(path)


def test_the_file_named_is_the_one_with_the_mistake(runtime, yaml_file):
    yaml_file("base.yaml", "SEEDS: 1")
    with pytest.raises(ValueError, match=r"base\.yaml: SEEDS"):
        runtime.config.load_config(yaml_file("a.yaml", "_BASE_: base.yaml\n"))


@pytest.mark.parametrize(
    ("opts", "message"),
    [
        (["SEED"], r"KEY VALUE pairs, but \['SEED'\] has 1 words"),
        (["SEEDS", "1"], "command line: SEEDS is not a key .* nearest is SEED"),
        (["SEED", "x"], "command line: SEED expects int"),
    ],
)
def test_a_mistaken_option_is_refused(runtime, opts, message):
    with pytest.raises(ValueError, match=message):
        runtime.config.load_config(None, opts)


def test_what_a_command_settles_itself_wins_and_is_never_blamed(runtime):
    own = {"OUTPUT_DIR": "there", "SEED": 3}
    cfg = runtime.config.load_config(None, ["SEED", "1"], settled=own)
    assert (cfg.OUTPUT_DIR, cfg.SEED) == ("there", 3)
    with pytest.raises(ValueError, match=r"but \['SEED'\] has 1 words\.$"):
        runtime.config.load_config(None, ["SEED"], settled=own)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("SOLVER.BASE_LR", "1e-4", 1e-4),
        ("SOLVER.BASE_LR", "1", 1.0),
        ("INPUT.MIN_SIZE_TRAIN", "[480, 640]", (480, 640)),
        ("MODEL.PIXEL_MEAN", "(1.0, 2.0, 3.0)", [1.0, 2.0, 3.0]),
        ("DATASETS.TEST", "('a', 'b')", ("a", "b")),
        ("SOLVER.AMP.ENABLED", "True", True),
        ("OUTPUT_DIR", "2024", "2024"),
        ("OUTPUT_DIR", "'quoted'", "quoted"),
        ("MODEL.WEIGHTS", "", ""),
    ],
)
def test_options_are_read_as_the_type_of_their_key(runtime, key, text, value):
    found = dict(leaves(runtime.config.load_config(None, [key, text])))[key]
    assert found == value
    assert type(found) is type(value)


def test_added_keys_can_be_set(runtime, yaml_file):
    def add_keys(cfg):
        cfg.MODEL.LAMPS = runtime.config.CfgNode({"COLOR": "red"})
        cfg.SEED = 9

    path = yaml_file("a.yaml", "MODEL: {LAMPS: {COLOR: blue}}\n")
    cfg = runtime.config.load_config(path, [], add_keys)
    assert (cfg.MODEL.LAMPS.COLOR, cfg.SEED) == ("blue", 9)


def test_a_key_of_detectron2_that_zs3_does_not_read_is_refused(runtime, yaml_file):
    path = yaml_file("a.yaml", "MODEL: {RPN: {NMS_THRESH: 0.5}}\n")
    reason = "is not a key that zs3 reads" if runtime.name == "embedded" else "does not read"
    with pytest.raises(ValueError, match=rf"a\.yaml: .*{reason}"):
        runtime.config.load_config(path)


def test_a_dump_holds_what_zs3_reads_and_loads_again(runtime, yaml_file):
    cfg = runtime.config.load_config(None, ["SEED", "3", "DATASETS.TEST", "('x',)"], add_zs3_config)
    text = runtime.config.dump(cfg)
    assert "RPN" not in text
    assert runtime.config.load_config(yaml_file("a.yaml", text), [], add_zs3_config) == cfg


def test_the_device_auto_is_kept_and_becomes_one_when_a_model_is_built(runtime):
    """A folder trained on a GPU is to be loaded on a laptop, too."""
    cfg = runtime.config.load_config(None, [], add_zs3_config)
    assert "DEVICE: auto" in runtime.config.dump(cfg)
    assert runtime.config.resolve_device("auto") in ("cpu", "cuda")
    assert runtime.config.resolve_device("cuda:1") == "cuda:1"


# ---- configurable


@pytest.fixture
def lamp(runtime):
    class Lamp:
        @runtime.config.configurable
        def __init__(self, *, color, height=2, room=None):
            self.made = (color, height, room)

        @classmethod
        def from_config(cls, cfg, height=3):
            return {"color": cfg.COLOR, "height": 10 * height}

    return Lamp


def test_configurable_with_explicit_arguments(lamp):
    assert lamp(color="red").made == ("red", 2, None)


def test_configurable_with_a_configuration(runtime, lamp):
    cfg = runtime.config.CfgNode({"COLOR": "blue"})
    assert lamp(cfg).made == ("blue", 30, None)
    assert lamp(cfg=cfg).made == ("blue", 30, None)
    assert lamp(cfg, 4).made == ("blue", 40, None)
    assert lamp(cfg, height=5).made == ("blue", 50, None)


def test_keywords_that_from_config_does_not_take_win_over_what_it_returns(runtime, lamp):
    cfg = runtime.config.CfgNode({"COLOR": "blue"})
    assert lamp(cfg, color="green", room="kitchen").made == ("green", 30, "kitchen")


def test_a_from_config_of_any_arguments_gets_them_all(runtime):
    class Lamp:
        @runtime.config.configurable
        def __init__(self, *, color):
            self.color = color

        @classmethod
        def from_config(cls, cfg, **kwargs):
            return {"color": sorted(kwargs)}

    assert Lamp(runtime.config.CfgNode(), color=1, room=2).color == ["color", "room"]


def test_configurable_needs_a_class_method_from_config(runtime):
    configurable, cfg = runtime.config.configurable, runtime.config.CfgNode()

    class Without:
        @configurable
        def __init__(self):
            pass

    class NoClassMethod(Without):
        def from_config(self, cfg):
            pass

    class OtherName(Without):
        @classmethod
        def from_config(cls, config):
            pass

    with pytest.raises(AttributeError, match="from_config"):
        Without(cfg)
    with pytest.raises(TypeError, match=r"class ?method"):
        NoClassMethod(cfg)
    with pytest.raises(TypeError, match=r"'cfg' as .*first argument"):
        OtherName(cfg)


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("1e-4", 1e-4), ("None", None)])
def test_a_default_of_none_stands_for_a_number(text, value):
    decay = get_config(opts=["SOLVER.WEIGHT_DECAY_BIAS", text]).SOLVER.WEIGHT_DECAY_BIAS
    assert decay == value
    with pytest.raises(
        ValueError, match=r"WEIGHT_DECAY_BIAS expects float \(its default is None\)"
    ):
        get_config(opts=["SOLVER.WEIGHT_DECAY_BIAS", "much"])
