"""How worker processes are started and end, the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from threading import Thread

import torch

from kinelex.errors import KinelexError


@contextmanager
def process_pool(count: int, preload: str, *, threads: int = 1, remedy: str) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes that end with the block, or with this process, however it ends.

    Args:
        count: how many processes.
        preload: module that does the work (see `process_context`).
        threads: of torch in every process.
        remedy: what to do when a process is killed.

    Raises:
        KinelexError: a process was killed.
    """
    pool = ProcessPoolExecutor(
        count, mp_context=process_context(preload), initializer=_start_worker, initargs=(threads,)
    )
    try:
        yield pool
    except BrokenProcessPool as error:
        raise KinelexError(
            f"a process of {count} was killed, perhaps for want of memory; {remedy}"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


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


def _start_worker(threads: int) -> None:
    torch.set_num_threads(threads)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker waits for work for ever when the process that gives it is killed."""
    parent = parent_process()
    assert parent is not None, "a worker was started by another process"
    parent.join()
    os._exit(1)
