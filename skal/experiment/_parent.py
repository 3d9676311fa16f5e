"""Processes that work for another one end when that one has ended."""

from __future__ import annotations

import os
import sys
import threading
import time
from functools import cache
from multiprocessing import current_process

from joblib.externals.loky.backend.process import LokyProcess

#: Seconds between two looks at the parent.
PERIOD = 0.5


@cache
def end_with(pid: int) -> None:
    """End this process when its parent has ended, whatever it is doing then.

    Where the work comes from is not always the parent: what a scheduler started, on
    this machine or another, is its own to end, and a thread goes anyway.

    Parameters
    ----------
    pid : int
        The process that the work comes from.
    """
    if os.getpid() == pid:
        return
    if os.getppid() == pid:
        threading.Thread(target=_watch, args=(pid,), daemon=True).start()
    elif isinstance(current_process(), LokyProcess):  # it died before
        os._exit(1)


def _watch(pid):
    if sys.platform == "win32":  # it does not tell who has adopted a process
        import _winapi

        handle = _winapi.OpenProcess(_winapi.SYNCHRONIZE, False, pid)
        _winapi.WaitForSingleObject(handle, _winapi.INFINITE)
    else:
        while os.getppid() == pid:
            time.sleep(PERIOD)
    os._exit(1)
