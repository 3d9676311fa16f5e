"""LabelSession: the loop of a person, as an object."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from skal._checks import check_choice, check_fraction, check_int
from skal._seed import draw_seed
from skal.label._agreement import agreement_of
from skal.label._answering import Answering, as_id, as_ids
from skal.label._derived import Derived
from skal.label._events import Event, check_text
from skal.label._history import History, labels_frame
from skal.label._item import Item
from skal.label._joined import joined_by
from skal.label._ledger import Ledger
from skal.label._models import as_learner, learner_of
from skal.label._pool import Pool
from skal.label._project import Project
from skal.label._queue import Queue, Ranking
from skal.label._refit import Trainer, TrainerThread, due_after
from skal.label._search import neighbours, with_words
from skal.label._snapshot import take_snapshot
from skal.label._sources import Source, as_source, open_source
from skal.label._sources._memory import known_label
from skal.label._spellings import ClassNames, plain
from skal.label._store import LabelStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import Any, Self

    from skal.label._agreement import Agreement
    from skal.label._snapshot import Snapshot


#: Shares of rows drawn at random, and shown again, in a new project.
SHARES = {"audit": 0.1, "repeat": 0.0}


class LabelSession(Answering):
    """Label a pool by hand, and be asked for the rows that teach a model most.

    A session keeps the pool, the labels and an :class:`~skal.ActiveLearner` together:
    ``ask`` says which rows are next, ``label`` takes an answer, and the learner is
    trained again once enough is new. Every label is on disk before ``label`` returns,
    and none is ever lost: corrections and undos are added to the record. The page, the
    notebook and scripts use the same object.

    Parameters
    ----------
    X : array-like, frame, list of str, path or source, default=None
        The pool: rows in memory, or a file or folder. :func:`open_source` says which
        columns of a file are texts, labels and ids.
    classes : list or None, default=None
        What a row can be, words or whole numbers. None takes them from ``y``; more
        are added with ``add_class``.
    project : path-like or None, default=None
        The folder that keeps the session; one that is there is gone on with. None
        keeps all in memory.
    ids : list or None, default=None
        A name for each row, unique. None takes the index of a frame, paths of files,
        or positions.
    y : list or None, default=None
        Labels that there are already, None for rows without one.
    learner : ActiveLearner, estimator or None, default=None
        What is trained; None takes what suits the rows. One of your own is given X as
        it is, or what the source makes of files.
    annotator : str, default="me"
        Who labels, where a call does not say.
    audit : float or None, default=None
        Share of the rows asked that are drawn at random and kept out of training, to
        tell how often the model is right. None keeps what the project has, 0.1 in a
        new one.
    repeat : float or None, default=None
        Share of the rows asked that have a label already, to tell how far people
        agree: with each other, or one with themselves. None keeps what the project
        has, 0 in a new one.
    stopping : StoppingRule or None, default=None
        A rule of :mod:`skal.stopping`; ``should_stop`` says what it thinks.
    train : {"ask", "thread", "elsewhere"}, default="ask"
        Train when ``ask`` finds that a refit is due, in a thread behind, or never:
        another process opens the same project and trains.
    refit_after : int or None, default=None
        New labels that make a refit due. None means 5 %, at least 5, or any after 20
        seconds without one.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws and the default learner.
    kind : {"text", "table", "image", "array"} or None, default=None
        What the rows are; None looks.
    guidelines : str or None, default=None
        What people should know who label; the page shows it.

    Attributes
    ----------
    classes : list
        The classes, in order.
    learner : ActiveLearner
        Trained on the labels of the last refit.
    labels : DataFrame
        What counts today: id, label, annotator, time, source, round, score. A row that
        anybody discarded is not in it.
    history : dict-like
        All that happened to a row, by its id.
    n_labels : int
        Rows with a label.
    should_stop : bool
        Whether the stopping rule would stop; False without one.
    curve : list of dict
        Accuracy on the audit after each refit, with its interval.
    lights : list
        Four signs of whether to go on; advice.
    agreement : Agreement
        How far people agree.
    pool : Pool
        The rows.
    store : LabelStore
        The record.
    derived : Derived
        What the models say.

    See Also
    --------
    skal.ActiveLearner : The loop without a store.
    LabelStore : What keeps the labels.
    open_source : Opens a file, and names its columns.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal.label import LabelSession
    >>> X, y = load_digits(return_X_y=True)
    >>> session = LabelSession(X[:500], classes=range(10), random_state=0)
    >>> while session.n_labels < 40:
    ...     for item in session.ask(10):
    ...         _ = session.label(item.id, y[int(item.id)])  # a person would look
    >>> session.relabel(item.id, y[int(item.id)]).kind
    'label'
    >>> session.n_labels
    40
    """

    def __init__(
        self,
        X: Any = None,
        *,
        classes: Iterable[Any] | None = None,
        project: str | PathLike[str] | None = None,
        ids: Iterable[Any] | None = None,
        y: Iterable[Any] | None = None,
        learner: Any = None,
        annotator: str = "me",
        audit: float | None = None,
        repeat: float | None = None,
        stopping: Any = None,
        train: str = "ask",
        refit_after: int | None = None,
        random_state: Any = None,
        kind: str | None = None,
        guidelines: str | None = None,
    ) -> None:
        # What can be told to be wrong is told before any file is made.
        check_text("annotator", annotator, most=100)
        self.annotator = annotator
        shares = {"audit": audit, "repeat": repeat}
        shares = {name: check_share(name, share) for name, share in shares.items()}
        self.train_where = check_choice("train", train, ("ask", "thread", "elsewhere"))
        self.refit_after = check_refit_after(refit_after)
        check_rule(stopping, train)
        check_learner_given(learner)
        given = plain_list(classes)
        ClassNames(given).warn_of_twins()
        y = None if y is None else labels_of(y, given)
        self._lock = threading.RLock()
        self._ledger = Ledger()
        self._ranked: Ranking | None = None
        self.project = None if project is None else Project.at(project)
        if self.project is not None:
            self.project.make()
        self.store = LabelStore(self.project.labels if self.project else None)
        self.derived = Derived(self.project.model if self.project else None)
        try:
            source = self._source(X, ids, kind, y, learner)
            given = given or classes_of(source, y)
            self._check_start(source, given)
            self._remember(source, given, random_state, guidelines, shares)
            self._begin(source, given, learner)
        except BaseException:
            self.store.close()
            self.derived.close()
            raise
        self._trainer = Trainer(self, stopping)
        self._thread = TrainerThread(self._trainer) if train == "thread" else None
        if self._thread is not None:
            self._thread.start()

    @classmethod
    def open(
        cls,
        project: str | PathLike[str],
        *,
        X: Any = None,
        learner: Any = None,
        train: str = "ask",
        annotator: str = "me",
    ) -> Self:
        """Go on with a project.

        Parameters
        ----------
        project : path-like
            Its folder.
        X : array-like, frame or list of str, default=None
            The rows, for a project whose rows were in memory. Rows may have come, gone
            and moved since. None reads the source again.
        learner : ActiveLearner, estimator or None, default=None
            What is trained.
        train : {"ask", "thread", "elsewhere"}, default="ask"
            Where it is trained.
        annotator : str, default="me"
            Who labels, where a call does not say.

        Returns
        -------
        LabelSession
            The session, as it was left.
        """
        if not Project.at(project).exists:
            raise FileNotFoundError(
                f"project must be a folder with a labels.db, got {str(project)!r}. "
                "LabelSession(X, project=...) starts one."
            )
        return cls(
            X, project=project, learner=learner, train=train, annotator=annotator
        )

    # Opening --------------------------------------------------------------------

    def _source(self, X, ids, kind, y, learner):
        if X is None or isinstance(X, (str, Path, Source)):
            check_not_given(ids=ids, y=y)
        if X is None:
            return open_source(self.store.meta, self.derived)
        if isinstance(X, (str, Path)):
            options = {} if kind is None else {"kind": kind}
            return open_source({"source": str(X), "options": options}, self.derived)
        return as_source(X, ids=ids, kind=kind, y=y, as_given=learner is not None)

    def _check_start(self, source, given):
        """Refuse what does not go together, before anything of it is written."""
        kind = self.store.meta.get("kind", source.kind)
        if kind != source.kind:
            raise ValueError(
                f"X must be rows of the kind {kind!r} as in this project, got "
                f"{source.kind!r}."
            )
        self._ledger.update(self.store.events(self._ledger.seq))
        known, added = self.store.meta.get("classes", []), self._ledger.classes
        by_name = {str(value): value for value in (*added, *given, *known)}
        names = ClassNames(by_name.values())
        for label in {*source.labels} - {None}:
            names.check(label, "y")

    def _remember(self, source, classes, random_state, guidelines, shares):
        """Write what the project is to know of itself, the first time all of it."""
        meta = self.store.meta
        if "seed" not in meta:
            meta.begin(
                "seed",
                created=time.time(),
                kind=source.kind,
                classes=classes,
                seed=draw_seed(random_state),
                **source.meta(),
            )
        if guidelines is not None:
            meta["guidelines"] = guidelines
        shares = {
            name: meta.get(name, SHARES[name]) if share is None else share
            for name, share in shares.items()
        }
        meta.update(shares)
        self.audit, self.repeat = shares["audit"], shares["repeat"]
        self.seed = meta["seed"]
        self._first_classes = meta["classes"]
        self._names = ClassNames(self._first_classes)

    def _begin(self, source, given, learner):
        """Make the parts, and take over the classes and labels that came along."""
        self.learner = self._learner(learner, source.kind)
        self.pool = self._pool_of(source)
        self._sync()
        for value in given:
            if str(value) not in self._names.names:
                self.add_class(value, near=True)
        self._take_given(source)

    def _learner(self, learner, kind):
        """Return what the user gave, what the project names, or the default."""
        spec = self.store.meta.get("model")
        if learner is None and spec is not None:
            return learner_of(spec, kind, self.seed)
        return as_learner(learner, kind, self.seed)

    def _pool_of(self, source, present=None):
        return Pool(source, self.store, present, audit=self.audit, seed=self.seed)

    def _take_given(self, source):
        """Keep the labels that came with the rows; what people said goes before."""
        batch, events = str(uuid4()), []
        for id, label in zip(source.ids, source.labels, strict=True):
            if label is None:
                continue
            item = self.pool.number(id)
            said = self._ledger.said.get(item, {})
            same = "given" in said and said["given"].value == str(label)
            if same or any(who != "given" for who in said):
                continue
            name = self._names.check(label, "y")
            events.append(
                Event(item, "given", "label", name, batch=batch, source="given")
            )
        self._append(events)

    # Asking -----------------------------------------------------------------------

    def ask(self, n: int = 1, annotator: str | None = None) -> list[Item]:
        """Say which rows to label next.

        Parameters
        ----------
        n : int, default=1
            How many.
        annotator : str or None, default=None
            Who will label them; nobody else is asked for them meanwhile.

        Returns
        -------
        list of Item
            First those that the person was asked for and has not answered. Fewer than
            n, or none, where no more are left.

        Raises
        ------
        Exception
            Whatever the learner raises, where ``train="ask"`` and a refit is due. The
            labels are safe and the last ranking stays.
        """
        n, annotator = check_int("n", n), self._person(annotator)
        if self.train_where == "ask":
            self._trainer.train_if_due()
        ranking = self._ranking()  # to read a long one takes time: nobody waits for it

        def choose(held):
            self._sync()
            queue = Queue(
                self._ledger,
                self.pool,
                ranking,
                held,
                self.seed,
                self.audit,
                self.repeat,
            )
            return self._with_guess(queue.choose(annotator, n))

        with self._lock:
            leases = self.store.lease(annotator, choose)
            return [self._item(lease) for lease in leases]

    def _ranking(self):
        """Return what the newest model wants; read once a model."""
        model = self.derived.model()
        if model is None:
            return Ranking(np.empty(0, int), np.empty(0))
        if self._ranked is None or self._ranked.model != model["version"]:
            items, scores = self.derived.ranking()
            there = items < len(self._ledger.open)  # not those of rows yet to come
            source = "initial" if model["info"].get("cold") else "strategy"
            self._ranked = Ranking(
                items[there], scores[there], model["version"], source
            )
        return self._ranked

    def _with_guess(self, leases):
        """Note what the model takes new rows for, before anybody says."""
        new = [lease.item for lease in leases if lease.predicted is None]
        said = self.derived.predictions(new) if new else {}
        return [
            replace(lease, predicted=said[lease.item][0])
            if lease.item in said and lease.predicted is None
            else lease
            for lease in leases
        ]

    def _item(self, lease):
        position = self.pool.position(lease.item)
        return Item(
            self.pool.ids[position],
            lease.item,
            self.pool.show(position),
            lease.rank,
            lease.score,
            lease.source,
            self._names.value_of(lease.predicted),
        )

    # The pool ---------------------------------------------------------------------

    def add_rows(self, X: Any, ids: Iterable[Any] | None = None) -> list[str]:
        """Let rows join the pool.

        Parameters
        ----------
        X : array-like, frame or list of str
            The rows, of the kind of those before.
        ids : list or None, default=None
            A name for each; None goes on with the index of a frame, or the positions.

        Returns
        -------
        list of str
            Their ids.
        """
        with self._lock:
            joined, ids = joined_by(self.pool.source, self.pool.present, X, ids)
            present = np.append(self.pool.present, np.ones(len(ids), bool))
            self._swap(joined, present)
            return ids

    def remove_rows(self, ids: Iterable[Any]) -> None:
        """Take rows out of the pool; what was said of them stays in the record.

        Parameters
        ----------
        ids : list
            Their ids. Rows that come back, by their content or id, are known again.
        """
        with self._lock:
            positions = [self.pool.position(self._number(id)) for id in as_ids(ids)]
            present = self.pool.present.copy()
            present[positions] = False
            self._swap(self.pool.source, present)

    def rescan(self) -> tuple[list[str], list[str], list[str]]:
        """Read the files again: some may have come, moved or gone.

        Returns
        -------
        added, moved, gone : list of str
            Their ids.
        """
        with self._lock:
            ids = {row.item: row.id for row in self.store.items()}
            source = open_source(self.store.meta, self.derived)
            self._check_start(source, [])
            self._swap(source)
            self._take_given(source)
            ids.update({row.item: row.id for row in self.store.items()})
            added, moved, gone = self.pool.changes
            return (
                [ids[item] for item in added],
                [ids[item] for item in moved],
                [ids[item] for item in gone],
            )

    def _swap(self, source, present=None):
        self.pool = self._pool_of(source, present)
        self._sync()

    # Training ---------------------------------------------------------------------

    def train(self) -> dict[str, Any]:
        """Train the learner on what is labelled now, and rank the rest.

        Returns
        -------
        dict
            How it went: number of labels, time.
        """
        return self._trainer.train()

    @property
    def due(self) -> int:
        """New labels that make a refit due."""
        return due_after(self.n_labels, self.refit_after)

    @property
    def last_word(self) -> float:
        """When somebody last said something, in seconds since the epoch."""
        self._sync()
        return self._ledger.time

    def n_new_since(self, seq: int) -> int:
        """Count the labels, corrections and undos since an event.

        Parameters
        ----------
        seq : int
            The event.

        Returns
        -------
        int
            How many.
        """
        self._sync()
        return self._ledger.n_changes(seq)

    def snapshot(self) -> Snapshot:
        """Return what a model may learn from now.

        Returns
        -------
        Snapshot
            The labels, by position.
        """
        with self._lock:
            self._sync()
            return take_snapshot(self._ledger, self.pool, self._names)

    # Looking ----------------------------------------------------------------------

    def search(
        self, text: str | None = None, *, like: Any = None, n: int = 24
    ) -> list[Item]:
        """Find rows by their words, or rows like one.

        Parameters
        ----------
        text : str or None, default=None
            Words that a row, or its id, must hold; case does not matter.
        like : str, int or Item, default=None
            A row, for others like it.
        n : int, default=24
            How many at most.

        Returns
        -------
        list of Item
            The rows, the most alike first, labelled ones among them.
        """
        n = check_int("n", n)
        if (text is None) == (like is None):
            raise ValueError(
                f"text or like must be given, one of them, got text={text!r} and "
                f"like={like!r}."
            )
        with self._lock:
            self._sync()
            pool = self.pool
        if text is not None:
            return self._shown(with_words(pool, text, n), "search")
        position = pool.position(self._number(like))
        if not pool.source.are_made(self.derived):
            raise ValueError(
                "like must wait until the images are known by their features, which "
                f"are being computed, got {as_id(like)!r}. Search by text meanwhile."
            )
        X = pool.features(self.derived)
        return self._shown(neighbours(X, position, pool.present, n), "search")

    def grid(self, label: Any, n: int = 24) -> list[Item]:
        """Return the rows that the model takes for one class, the surest first.

        Parameters
        ----------
        label : object
            The class.
        n : int, default=24
            How many at most.

        Returns
        -------
        list of Item
            Rows that nobody has labelled, and nobody is asked for now.
        """
        n, name = check_int("n", n), self._known_class(label)
        with self._lock:
            self._sync()
            held, audit = self.store.leases(), set(self.pool.numbers_reserved())
            found = [
                self.pool.position(item)
                for item in self.derived.predictions(label=name)
                if item in self.pool
                and self._ledger.open[item]
                and item not in held
                and item not in audit
            ]
        return self._shown(found[:n], "batch")

    def _shown(self, positions, source):
        items = self.pool.items[positions].tolist()
        said = self.derived.predictions(items) if items else {}
        return [
            Item(
                self.pool.ids[position],
                item,
                self.pool.show(position),
                source=source,
                suggestion=self._names.value_of(said.get(item, (None,))[0]),
            )
            for position, item in zip(positions, items, strict=True)
        ]

    @property
    def classes(self) -> list[Any]:
        """The classes, in the order in which they came."""
        self._sync()
        return self._names.values

    @property
    def n_labels(self) -> int:
        """The number of rows of the pool that have a label."""
        with self._lock:
            self._sync()
            return sum(item in self.pool for item in self._ledger.labels)

    @property
    def labels(self) -> Any:
        """What counts today, as a frame."""
        with self._lock:
            self._sync()
            return labels_frame(self._ledger, self.store, self._names)

    @property
    def history(self) -> History:
        """All that happened to a row, by its id."""
        return History(self.store)

    @property
    def guidelines(self) -> str | None:
        """What people should know who label."""
        return self.store.meta.get("guidelines")

    @property
    def should_stop(self) -> bool:
        """Whether the stopping rule would stop now."""
        return self._trainer.should_stop

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Accuracy on the audit after each refit, with its interval."""
        return self.derived.curve()

    @property
    def lights(self) -> list[Any]:
        """Four signs of whether to go on; advice, and no more."""
        from skal.label._lights import read_lights

        return read_lights(self.derived)

    @property
    def agreement(self) -> Agreement:
        """How far people agree with each other, and with themselves."""
        with self._lock:
            self._sync()
            said = [
                event
                for row in self._ledger.said.values()
                for event in row.values()
                if event.kind == "label"
            ]
            return agreement_of(said, self._ledger.said_again())

    # ------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop training and close the files; labels are safe without it."""
        if self._thread is not None:
            self._thread.stop()
        self.store.close()
        self.derived.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError(
            "session must stay in its process, got an attempt to pickle or copy it. "
            "Open the project there: LabelSession.open(project)."
        )

    def _sync(self):
        """Take in what others have said since; a look at the disk, no more."""
        with self._lock:
            self._ledger.grow(int(self.pool.items.max(initial=0)))
            self._ledger.update(self.store.events(self._ledger.seq))
            added = self._ledger.classes
            if added != self._names.added:
                self._names = ClassNames(self._first_classes, added)


def check_rule(stopping, train):
    """Refuse what is no stopping rule, and one that would never be asked."""
    if stopping is None:
        return
    if isinstance(stopping, type) or not hasattr(stopping, "verdict"):
        raise TypeError(
            f"stopping must be None or a rule of skal.stopping, got {stopping!r}."
        )
    if train == "elsewhere":
        raise ValueError(
            'stopping must be None where train="elsewhere", got '
            f"{stopping!r}: the rule looks at the model that the session trains."
        )


def check_share(name, value):
    return None if value is None else check_fraction(name, value)


def check_refit_after(value):
    return None if value is None else check_int("refit_after", value)


def check_learner_given(learner):
    """Refuse what cannot be trained."""
    if learner is not None:
        as_learner(learner, "array")


def check_not_given(**given):
    """Refuse ids and labels of rows that have their own."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name} must be None where the rows of X are not in memory, got "
                f"{value!r:.80}. Read them, and give X, ids and y together."
            )


def plain_list(classes):
    """Return classes as a list of Python's own values."""
    if isinstance(classes, (str, bytes)):
        raise TypeError(f"classes must be a list of every label, got {classes!r}.")
    return [plain(value) for value in (() if classes is None else classes)]


def labels_of(y, classes):
    """Return labels as a list of Python's own values.

    A column of whole numbers with gaps is one of floats in a frame: they are whole
    again, unless classes are no whole numbers themselves.
    """
    labels = [plain(value) for value in y]
    known = [value for value in labels if known_label(value) is not None]
    whole = all(isinstance(value, float) and value.is_integer() for value in known)
    floats = any(isinstance(value, float) for value in classes)
    if len(known) == len(labels) or not whole or floats:
        return labels
    return [None if known_label(value) is None else int(value) for value in labels]


def classes_of(source, y):
    """Return the classes among the labels that there are already."""
    labels = source.labels if y is None else y
    known = {label for label in labels if known_label(label) is not None}
    return sorted(known, key=lambda value: (isinstance(value, str), value))
