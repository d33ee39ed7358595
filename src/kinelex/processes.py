"""How worker processes are started, the same everywhere."""

from __future__ import annotations

from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext


def process_context(preload: str) -> BaseContext:
    """The context of a process pool. Not fork: a forked torch may hang on locks that another thread held.

    A fork server imports the module `preload`, and with it torch, once for all workers; where there is none, every
    worker imports it.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context
