import pytest

from zs3.evaluation.protocols import PROTOCOLS, runs, task_of
from zs3.evaluation.sizes import SIZES


def test_a_run_serves_all_with_the_same_question_and_size():
    assert runs(["generalized", "unseen", "zegformer", "cagnet"]) == [
        ["generalized", "zegformer"],
        ["unseen"],
        ["cagnet"],
    ]


def test_names():
    with pytest.raises(ValueError, match=r"protocol is called 'spnett'\. Did you mean 'spnet'\?"):
        runs(["generalized", "spnett"])
    with pytest.raises(ValueError, match="no protocol is named; expected some of generalized"):
        runs([])
    assert task_of("generalized") == "sem_seg"
    assert task_of("unseen") == "sem_seg_unseen"


def test_sizes_are_known():
    assert {protocol.size for protocol in PROTOCOLS.values()} == set(SIZES)
