"""`detectron2.utils.comm`: what zs3 uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..choice import RUNTIME

if TYPE_CHECKING or RUNTIME == "embedded":
    from ..embedded.utils.comm import (
        _get_global_gloo_group,
        all_gather,
        create_local_process_group,
        gather,
        get_local_rank,
        get_rank,
        get_world_size,
        is_main_process,
        reduce_dict,
        synchronize,
    )
else:
    from detectron2.utils.comm import (
        _get_global_gloo_group,
        all_gather,
        create_local_process_group,
        gather,
        get_local_rank,
        get_rank,
        get_world_size,
        is_main_process,
        reduce_dict,
        synchronize,
    )

__all__ = [
    "all_gather",
    "create_local_process_group",
    "forget_groups",
    "gather",
    "get_local_rank",
    "get_rank",
    "get_world_size",
    "is_main_process",
    "reduce_dict",
    "synchronize",
]


def forget_groups() -> None:
    """
    Lets go of the process group kept here, before all groups are destroyed.

    One that is still referred to at the end keeps its threads, and a thread of gloo's that lets go
    of a tensor while Python shuts down aborts the process: a good run would end as a failure.
    """
    _get_global_gloo_group.cache_clear()
