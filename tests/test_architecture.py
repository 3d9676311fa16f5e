"""The architecture: which room of skal rests on which, and by which door it is entered.

Read ``FLOORS`` from the ground up. A file imports its own room and rooms on lower
floors, wherever the import stands; rooms on one floor do not know each other. A room
is entered by its door, its ``__init__``: ``from skal.room import name``.
"""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import skal

#: Every room and what it is for, a floor a group, from the ground up.
FLOORS = [
    {
        "exceptions": "the errors that are skal's own",
        "_checks": "parameters checked, things named in messages",
        "_half": "numbers of half precision, widened",
        "_seed": "random states and seeds",
        "_file_lock": "files that one process holds at a time",
        "_progress": "a bar for rows that are worked through",
        "_moved": "pickles that name what has moved",
    },
    {"query.functional": "the formulas of the strategies, on plain arrays"},
    {"_data": "what a pool and its labels are"},
    {"_model": "what a strategy may ask of a fitted model"},
    {"_meta": "what every estimator around an estimator needs"},
    {
        "query": "the strategies: which rows to label next",
        "metrics": "how good the curve, the chances and the groups are",
        "callback": "what to do after each round",
    },
    {
        "nets": "PyTorch networks as scikit-learn estimators",
        "calibration": "probabilities that mean what they say",
        "cluster": "groups found by asking about pairs",
        "learned": "strategies that were trained to ask",
        "multilabel": "rows that carry several labels, known in part",
        "structured": "rows of many units: pixels, tokens, boxes",
        "stopping": "when to stop labelling",
        "datasets": "data to try it on",
        "plotting": "pictures of curves, pools and models",
    },
    {
        "posterior": "what a network believes: draws of its weights",
        "pseudo": "training on unlabelled rows too",
        "synthesis": "models that propose points",
    },
    {"_loop": "train, query, teach: the learner and its simulation"},
    {"": "the front door, skal itself"},
    {
        "testing": "laws that a strategy or a posterior must keep",
        "experiment": "many runs, compared",
    },
    {"label": "labelling by hand: a session, its record, a page"},
    {"cli": "the command line"},
    {"__main__": "python -m skal"},
]

#: Imports past a door that remain: who imports which file, and what for.
PAST_THE_DOOR = {
    ("plotting._curves", "metrics._scorer"),  # the scores at the end of a run
    ("stopping._confidence", "query._uncertainty"),  # scores of probabilities
}

ROOT = Path(skal.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )
    for path in ROOT.rglob("*.py")
}
#: The floor of each room, by the name that an import of its door has.
FLOOR_OF = {f"skal.{room}".rstrip("."): i for i, f in enumerate(FLOORS) for room in f}


@cache
def parsed(module):
    path = ROOT.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def room_of(module):
    """Return the innermost room that a module stands in."""
    while module not in FLOOR_OF:
        module, _, last = module.rpartition(".")
        assert module != "skal", f"skal.{last} stands in no room of FLOORS."
    return module


def imported(node):
    """Yield (module, name) of each import in a tree, those for type checkers aside."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        children = node.orelse
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        if isinstance(child, ast.Import):
            yield from ((alias.name, None) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "An import names its module in full."
            yield from ((child.module, alias.name) for alias in child.names)
        else:
            yield from imported(child)


@cache
def imports_of(module):
    """List the (module, name) that a file of skal imports from skal."""
    every = imported(parsed(module))
    return [(other, name) for other, name in every if other.split(".")[0] == "skal"]


def file_of(other, name):
    """Return the file that ``from other import name`` reads."""
    return f"{other}.{name}" if f"{other}.{name}" in MODULES else other


def inside(room, around):
    """Tell whether a room stands in another, as query.functional does in query."""
    return around != "skal" and room.startswith(f"{around}.")


def read_by(module):
    """Yield the files that a file reads; a room in a room is reached through both."""
    home = room_of(module)
    for found in imports_of(module):
        yield file_of(*found)
        room = room_of(file_of(*found))
        halls = FLOOR_OF.keys() - {home, room} if home != room else ()
        yield from (hall for hall in halls if inside(room, hall))


def past_the_door():
    """Return who imports which file of another room without passing its door.

    A room may use the files of a room inside it.
    """
    return {
        (module.removeprefix("skal."), file_of(*found).removeprefix("skal."))
        for module in MODULES
        for found in imports_of(module)
        if room_of(module) != room_of(file_of(*found))
        and not inside(room_of(file_of(*found)), room_of(module))
        and not by_door(*found)
    }


def by_door(other, name):
    """Tell whether an import names a room, or something that a room's door offers."""
    if name is None or file_of(other, name) in FLOOR_OF.keys() - {other}:
        return file_of(other, name) in FLOOR_OF
    return other in FLOOR_OF and name in offered(other, name)


def offered(room, name):
    """Return what a room offers: the names of its door; a file, any name.

    They are in ``__all__`` or, for the house alone, assigned there or imported ``as``
    something.
    """
    given = []
    for node in parsed(room).body:
        if isinstance(node, ast.ImportFrom):
            given += [alias.asname for alias in node.names if alias.asname]
        elif isinstance(node, ast.Assign):
            given.append(ast.unparse(node.targets[0]))
            if given[-1] == "__all__":
                return given + ast.literal_eval(node.value)
    return [name]


def test_a_file_rests_on_lower_floors():
    above = [
        (module, file)
        for module in MODULES
        for file in read_by(module)
        if room_of(file) != room_of(module)
        and FLOOR_OF[room_of(file)] >= FLOOR_OF[room_of(module)]
    ]
    assert not above, f"Imports of what is not on a lower floor: {sorted(above)}."


def test_no_ring_of_imports():
    graph = {module: {*read_by(module)} - {module} for module in MODULES}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        ring = " <- ".join(error.args[1])
        pytest.fail(f"These files import each other in a ring: {ring}.")


def test_rooms_are_entered_by_their_door():
    strange = past_the_door() - PAST_THE_DOOR
    assert not strange, f"Imports past a door: {sorted(strange)}."


def test_the_list_of_imports_past_a_door_is_up_to_date():
    assert not PAST_THE_DOOR - past_the_door()


@pytest.mark.parametrize("room", sorted(FLOOR_OF))
def test_a_room_says_what_it_is_for(room):
    said = ast.get_docstring(parsed(room)) or ""
    assert said.split("\n\n")[0].rstrip().endswith("."), f"{room} has no sentence."


def test_the_root_holds_the_ground_floor_and_the_doors():
    ground = {"exceptions", "_checks", "_file_lock", "_half", "_moved", "_progress"}
    ground.add("_seed")
    found = {path.stem for path in ROOT.glob("*.py")}
    assert found == ground | {"__init__", "__main__", "calibration"}
