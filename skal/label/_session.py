"""LabelSession: the loop of a person, as an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_int
from skal.label._agreement import agreement_of
from skal.label._asking import Asker
from skal.label._derived import Derived
from skal.label._events import check_text
from skal.label._history import History, labels_frame
from skal.label._item import as_ids
from skal.label._joined import joined_by
from skal.label._ledger import Ledger
from skal.label._opening import (
    check_learner_given,
    check_refit_after,
    check_rule,
    check_share,
    check_start,
    classes_of,
    labels_of,
    learner_for,
    plain_list,
    reject_of,
    remember,
    source_of,
)
from skal.label._project import Project
from skal.label._refit import Trainer, TrainerThread, due_after
from skal.label._search import Finder
from skal.label._snapshot import take_snapshot
from skal.label._sources import open_source
from skal.label._spellings import ClassNames
from skal.label._state import State
from skal.label._store import LabelStore
from skal.label._writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from typing import Any, Self

    from skal.label._agreement import Agreement
    from skal.label._events import Event
    from skal.label._item import Item
    from skal.label._pool import Pool
    from skal.label._snapshot import Snapshot


class LabelSession:
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
    reject_label : str, int or None, default=None
        The answer "none of these", as one more of the classes: for rows that are sound
        and belong to no class, where ``discard`` is for those not fit for labelling.
        The learner counts them and is told of it (``reject_label=`` of
        :class:`~skal.ActiveLearner`), but learns no such class. None keeps what the
        learner or the project has.

    Attributes
    ----------
    classes : list
        The classes, in order.
    learner : ActiveLearner
        Trained at the last refit; not before labels of two classes, and never where
        ``train="elsewhere"``.
    labels : DataFrame
        What counts today: id, label, annotator, time, source, round, score. A row that
        anybody discarded is not in it.
    history : dict-like
        All that happened to a row, by its id.
    n_labels : int
        Rows with a label, ``reject_label`` among them.
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
        reject_label: Any = None,
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
        reject_of(reject_label, learner, {}, given)
        y = None if y is None else labels_of(y, given)
        self.project = None if project is None else Project.at(project)
        if self.project is not None:
            self.project.make()
        self.store = LabelStore(self.project.labels if self.project else None)
        self.derived = Derived(self.project.model if self.project else None)
        try:
            source = source_of(
                X,
                self.store.meta,
                self.derived,
                ids=ids,
                kind=kind,
                y=y,
                as_given=learner is not None,
            )
            self._begin(
                source,
                given or classes_of(source, y),
                learner,
                random_state=random_state,
                guidelines=guidelines,
                shares=shares,
                reject_label=reject_label,
            )
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

    def _begin(self, source, classes, learner, *, reject_label, **said):
        """Agree with the project, make the parts, and take over what came along."""
        meta, ledger = self.store.meta, Ledger()
        ledger.update(self.store.events())
        self.reject_label = reject_of(reject_label, learner, meta, classes)
        if self.reject_label is not None and self.reject_label not in classes:
            classes = [*classes, self.reject_label]
        check_start(source, classes, meta, ledger)
        remember(meta, source, classes, reject_label=self.reject_label, **said)
        self.audit, self.repeat, self.seed = meta["audit"], meta["repeat"], meta["seed"]
        self.learner = learner_for(learner, meta)
        self._state = State(self.store, ledger, source)
        self._writer = Writer(self._state)
        self._asker = Asker(self._state, self.derived)
        self._finder = Finder(self._state, self.derived)
        for value in classes:
            if str(value) not in self._state.names.names:
                self.add_class(value, near=True)
        self._writer.take_given(source)

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
        return self._asker.ask(n, annotator)

    def ask_for(self, ids: Iterable[Any], annotator: str | None = None) -> list[Item]:
        """Ask a person for rows that you chose.

        Parameters
        ----------
        ids : list
            The rows.
        annotator : str or None, default=None
            Who will label them; nobody else is asked for them meanwhile.

        Returns
        -------
        list of Item
            The rows, but those that have an answer, are kept for the audit, or are on
            the screen of somebody else.
        """
        items = dict.fromkeys(self._state.number(id) for id in as_ids(ids))
        return self._asker.ask_for(list(items), self._person(annotator))

    # Answering --------------------------------------------------------------------

    def label(
        self,
        id: Any,
        value: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
        source: str | None = None,
    ) -> Event:
        """Say what a row is; whether it was asked for does not matter.

        Parameters
        ----------
        id : str, int or Item
            The row.
        value : object
            Its class. A label that the person gave before is replaced, and stays in
            the record.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.
        source : str or None, default=None
            How the row came up, where it was not asked for: "search" or "given".

        Returns
        -------
        Event
            As it stands in the store.

        Raises
        ------
        ValueError
            If there is no such row or class; near ones are named.
        """
        who = self._person(annotator)
        return self._writer.label(id, value, who, event, lead_ms, source)

    def relabel(
        self,
        id: Any,
        value: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
        source: str | None = None,
    ) -> Event:
        """Correct the label of a row.

        Parameters
        ----------
        id : str, int or Item
            The row; it must have a label.
        value : object
            The right class.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.
        source : str or None, default=None
            How the row came up; None keeps how it came up before.

        Returns
        -------
        Event
            As it stands in the store.
        """
        who = self._person(annotator)
        return self._writer.label(id, value, who, event, lead_ms, source, again=True)

    def label_many(
        self,
        labels: Mapping[Any, Any] | Iterable[Any],
        value: Any = None,
        *,
        source: str = "batch",
        annotator: str | None = None,
        event: str | None = None,
    ) -> list[Event]:
        """Label many rows at one go: all or none, and one undo takes all back.

        Parameters
        ----------
        labels : dict, or list of ids
            Classes by id; or ids.
        value : object or list, default=None
            For a list of ids, the class of all, or a list with one for each.
        source : str, default="batch"
            How rows came up that the person was not asked for: "batch", "search",
            "import" or "given".
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID for the batch; to report it again changes nothing.

        Returns
        -------
        list of Event
            As they stand in the store.
        """
        who = self._person(annotator)
        return self._writer.label_many(labels, value, who, source, event)

    def skip(
        self,
        id: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
    ) -> Event:
        """Say that you are not sure; the row comes again when nothing else is left.

        Parameters
        ----------
        id : str, int or Item
            The row.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.

        Returns
        -------
        Event
            As it stands in the store.
        """
        who = self._person(annotator)
        return self._writer.say("skip", id, None, who, event, lead_ms)

    def discard(
        self,
        id: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
    ) -> Event:
        """Throw a row out that is not fit for labelling; it is not asked again.

        A file that is broken, say. No model is told of it. A row that is sound and of
        none of the classes is labelled, with ``reject_label``.

        Parameters
        ----------
        id : str, int or Item
            The row.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.

        Returns
        -------
        Event
            As it stands in the store.
        """
        who = self._person(annotator)
        return self._writer.say("discard", id, None, who, event, lead_ms)

    def note(
        self,
        id: Any,
        text: str,
        *,
        annotator: str | None = None,
        event: str | None = None,
    ) -> Event:
        """Keep a remark on a row.

        Parameters
        ----------
        id : str, int or Item
            The row.
        text : str
            The remark.
        annotator : str or None, default=None
            Whose.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.

        Returns
        -------
        Event
            As it stands in the store.
        """
        return self._writer.say("note", id, text, self._person(annotator), event)

    def undo(
        self,
        annotator: str | None = None,
        *,
        target: str | None = None,
        event: str | None = None,
    ) -> Event | None:
        """Take back the last thing that a person did, as often as you like.

        Parameters
        ----------
        annotator : str or None, default=None
            The person.
        target : str or None, default=None
            An event or batch to take back, where it is not the last.
        event : str or None, default=None
            A UUID of the undo itself; to report it again takes back nothing more.

        Returns
        -------
        Event or None
            What was taken back, the first of a batch; None if there is nothing. The
            row is asked next.
        """
        return self._writer.undo(self._person(annotator), target, event)

    def redo(
        self, annotator: str | None = None, *, event: str | None = None
    ) -> Event | None:
        """Bring back what was taken back last, unless something was done since.

        Parameters
        ----------
        annotator : str or None, default=None
            The person.
        event : str or None, default=None
            A UUID of the redo itself; to report it again brings back nothing more.

        Returns
        -------
        Event or None
            What was brought back; None if there is nothing.
        """
        return self._writer.redo(self._person(annotator), event)

    def add_class(
        self,
        name: Any,
        *,
        near: bool = False,
        annotator: str | None = None,
        event: str | None = None,
    ) -> Any:
        """Make a class that was not thought of at the start.

        Parameters
        ----------
        name : object
            The class.
        near : bool, default=False
            Take one that differs from another in case or spaces alone.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.

        Returns
        -------
        object
            The class, as ``classes`` holds it.

        Raises
        ------
        ValueError
            If there is one that differs in case or spaces alone.
        """
        return self._writer.add_class(name, self._person(annotator), near, event)

    def remove_class(self, name: Any, *, annotator: str | None = None) -> None:
        """Take back a class that was added by mistake.

        Parameters
        ----------
        name : object
            The class.
        annotator : str or None, default=None
            Who says so.

        Raises
        ------
        ValueError
            If a row has it now, or it was there from the start.
        """
        self._writer.remove_class(name, self._person(annotator))

    # The pool ---------------------------------------------------------------------

    @property
    def pool(self) -> Pool:
        """The rows."""
        return self._state.pool

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
        with self._state.lock:
            joined, ids = joined_by(self.pool.source, self.pool.present, X, ids)
            present = np.append(self.pool.present, np.ones(len(ids), bool))
            self._state.set_rows(joined, present)
            return ids

    def remove_rows(self, ids: Iterable[Any]) -> None:
        """Take rows out of the pool; what was said of them stays in the record.

        Parameters
        ----------
        ids : list
            Their ids. Rows that come back, by their content or id, are known again.
        """
        with self._state.lock:
            positions = [
                self.pool.position(self._state.number(id)) for id in as_ids(ids)
            ]
            present = self.pool.present.copy()
            present[positions] = False
            self._state.set_rows(self.pool.source, present)

    def rescan(self) -> tuple[list[str], list[str], list[str]]:
        """Read the files again: some may have come, moved or gone.

        Returns
        -------
        added, moved, gone : list of str
            Their ids.
        """
        with self._state.lock:
            ids = {row.item: row.id for row in self.store.items()}
            source = open_source(self.store.meta, self.derived)
            self._state.sync()
            check_start(source, [], self.store.meta, self._state.ledger)
            self._state.set_rows(source)
            self._writer.take_given(source)
            ids.update({row.item: row.id for row in self.store.items()})
            added, moved, gone = self.pool.changes
            return (
                [ids[item] for item in added],
                [ids[item] for item in moved],
                [ids[item] for item in gone],
            )

    # Training ---------------------------------------------------------------------

    def train(self) -> dict[str, Any]:
        """Train the learner on what is labelled now, and rank the rest.

        Returns
        -------
        dict
            How it went: ``fit_time`` in seconds, ``kappa`` with the model before, and
            its ``temperature``; ``cold`` before two classes have labels.
        """
        return self._trainer.train()

    @property
    def due(self) -> int:
        """New labels that make a refit due."""
        return due_after(self.n_labels, self.refit_after)

    @property
    def last_word(self) -> float:
        """When somebody last said something, in seconds since the epoch."""
        self._state.sync()
        return self._state.ledger.time

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
        self._state.sync()
        return self._state.ledger.n_changes(seq)

    def snapshot(self) -> Snapshot:
        """Return what a model may learn from now.

        Returns
        -------
        Snapshot
            The labels, by position.
        """
        with self._state.lock:
            self._state.sync()
            return take_snapshot(
                self._state.ledger, self.pool, self._state.names, self.reject_label
            )

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
        if text is not None:
            return self._finder.by_words(text, n)
        return self._finder.like(like, n)

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
        return self._finder.of_class(label, check_int("n", n))

    @property
    def classes(self) -> list[Any]:
        """The classes, in the order in which they came."""
        self._state.sync()
        return self._state.names.values

    @property
    def n_labels(self) -> int:
        """The number of rows of the pool that have a label."""
        with self._state.lock:
            self._state.sync()
            return sum(item in self.pool for item in self._state.ledger.labels)

    @property
    def labels(self) -> Any:
        """What counts today, as a frame."""
        with self._state.lock:
            self._state.sync()
            return labels_frame(self._state.ledger, self.store, self._state.names)

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
        with self._state.lock:
            self._state.sync()
            said = self._state.ledger.labels_said()
            return agreement_of(said, self._state.ledger.said_again())

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

    def _person(self, annotator):
        if annotator is None:
            return self.annotator
        check_text("annotator", annotator, most=100)
        return annotator
