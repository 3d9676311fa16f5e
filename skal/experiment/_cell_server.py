"""What runs in the process of cells: it takes them one by one, and answers."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from queue import SimpleQueue
from typing import Any

from skal.experiment._cell import run_cell


def serve(requests):
    """Run the cells that are asked for, until the process is ended.

    What user code prints goes to the standard error, for the answers go where the
    standard output went.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    queue: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, queue), daemon=True).start()
    data: Any = None
    while (request := queue.get()) is not None:
        new, content, limit = request
        try:
            data = data if new is None else pickle.loads(new)
            cell = pickle.loads(content)
        except Exception:
            _say(answers, (False, traceback.format_exc()))
            continue
        _say(answers, (True, ""))
        _say(answers, run_cell(cell, data, limit))


def _read(requests, queue):
    """Pass requests on; when they end, whoever made them has died."""
    request: Any = ()
    while request is not None:
        try:
            request = pickle.load(requests)
        except (EOFError, OSError, pickle.UnpicklingError):
            if sys.platform != "win32":
                os.killpg(0, signal.SIGTERM)
            os._exit(1)
        queue.put(request)


def _say(answers, answer):
    pickle.dump(answer, answers)
    answers.flush()
