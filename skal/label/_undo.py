"""Which of a person's actions undo takes back, and redo brings back, next."""

from skal.label._events import ACTIONS


def stacks(events):
    """Return what is done and what is undone, each with the next to go last.

    ``events`` are those of one person, in order: event, batch, kind and target of each.
    Events of a batch are one action, by the name of the batch. A new action ends what
    could be redone.
    """
    done: dict[str, None] = {}  # ordered sets
    undone: dict[str, None] = {}
    for event, batch, kind, target in events:
        name = batch or event
        if kind in ACTIONS:
            if name not in done:
                undone.clear()
            done[name] = None
        elif kind == "undo" and target in done:
            del done[target]
            undone[target] = None
        elif kind == "redo" and target in undone:
            del undone[target]
            done[target] = None
    return list(done), list(undone)
