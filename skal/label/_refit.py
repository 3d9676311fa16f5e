"""When a session trains: once enough is new, in ``ask`` or in a thread behind."""

from __future__ import annotations

import threading
import time
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from skal.label._training import train_once

if TYPE_CHECKING:
    from typing import Any

    from skal.label._session import LabelSession

#: Seconds without a word after which any new label is worth a refit.
IDLE = 20.0
#: Seconds between two looks of the thread.
LOOK = 0.2


def due_after(n_labels: int, refit_after: int | None) -> int:
    """Return after how many new labels a refit is due."""
    return max(5, ceil(0.05 * n_labels)) if refit_after is None else refit_after


def is_due(session: LabelSession) -> bool:
    """Tell whether enough is new, or something is and nobody has spoken for a while."""
    model = session.derived.model()
    if model is None:
        return len(session.pool) > 0
    new = session.n_new_since(model["seq"])
    if new == 0:
        return False
    idle = time.time() - session.last_word > IDLE
    return new >= session.due or idle


class Trainer:
    """Trains a session, one refit at a time, and lets its stopping rule look.

    Parameters
    ----------
    session : LabelSession
        The session.
    stopping : StoppingRule or None
        Its rule.
    """

    def __init__(self, session: LabelSession, stopping: Any = None) -> None:
        self.session = session
        self.stopping = stopping
        self.records: list[Any] = []
        self._lock = threading.Lock()

    def train(self) -> dict[str, Any]:
        """Train once, whatever is new."""
        with self._lock:
            return self._train()

    def train_if_due(self) -> None:
        """Train if it is due; who had to wait for another finds that it is not."""
        if is_due(self.session):
            with self._lock:
                if is_due(self.session):
                    self._train()

    def _train(self):
        info = train_once(self.session)
        if self.stopping is not None:
            self._measure(info)
        return info

    @property
    def should_stop(self) -> bool:
        """What the rule makes of all refits so far."""
        if self.stopping is None or not self.records:
            return False
        return self.stopping.verdict(self.records)[2]

    def _measure(self, info):
        session = self.session
        snapshot = session.snapshot()
        if info.get("cold") or len(snapshot.candidates) == 0:
            return
        items, _ = session.derived.ranking()
        positions = session.pool.positions(items.tolist())
        # A label may have come since; the rule is told of rows that can be asked.
        asked = positions[np.isin(positions, snapshot.candidates)][: session.due]
        self.records.append(
            self.stopping.measure(
                session.learner,
                session.pool.features(session.derived),
                asked,
                candidates=snapshot.candidates,
            )
        )


class TrainerThread(threading.Thread):
    """Trains behind a notebook whenever it is due.

    A fit that fails is told in the status, the last ranking stays, and the next label
    is another reason to try.
    """

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(name="skal-trainer", daemon=True)
        self._trainer = trainer
        self._over = threading.Event()
        self._failed_at = -1

    def run(self) -> None:
        """Look now and then until told to stop."""
        session = self._trainer.session
        while not self._over.wait(LOOK):
            seq = session.store.last_seq()
            if seq == self._failed_at:
                continue
            try:
                self._trainer.train_if_due()
            except Exception as error:  # whatever an estimator may raise
                self._failed_at = seq
                words = f"{type(error).__name__}: {error}"
                session.derived.set_status(phase="failed", error=words)

    def stop(self) -> None:
        """End the thread; a fit under way is waited for."""
        self._over.set()
        if self.is_alive():
            self.join()
