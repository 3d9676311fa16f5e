"""Ten thousand images: the first row comes at once, features are computed behind."""

import time

import numpy as np
import pytest
from PIL import Image

from skal.label import LabelSession
from skal.label._derived import Derived
from skal.label._sources import ImageFolder


def render(folder, n, side=64):
    """Draw n images of noise with a bright disc somewhere."""
    draw = np.random.RandomState(0)
    y, x = np.mgrid[:side, :side]
    for i in range(n):
        place = folder / f"{i // 1000:02d}"
        place.mkdir(parents=True, exist_ok=True)
        image = draw.randint(0, 60, size=(side, side, 3))
        middle, radius = draw.randint(side, size=2), draw.randint(4, side // 2)
        disc = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2
        image[disc] += draw.randint(0, 190, size=3)
        Image.fromarray(image.astype(np.uint8)).save(place / f"{i:05d}.jpg")


def clocks():
    """Return seconds on the wall and of work, which is less on a busy machine."""
    return np.array([time.monotonic(), time.process_time()])


def first_row(folder, project):
    """Return the seconds from nothing to the first row, and the session."""
    began = clocks()
    session = LabelSession(
        ImageFolder(folder),
        classes=["small", "large"],
        project=project,
        train="elsewhere",
        random_state=0,
    )
    (item,) = session.ask()
    assert item.show["image"].is_file()
    return clocks() - began, session


def test_the_first_row_needs_no_features(tmp_path, monkeypatch):
    render(tmp_path / "images", 30, side=16)
    monkeypatch.setattr(ImageFolder, "_features", None)
    _, session = first_row(tmp_path / "images", tmp_path / "project")
    assert session.derived.model() is None
    session.close()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_thousand_images(tmp_path):
    render(tmp_path / "images", 10_000)
    seconds, session = first_row(tmp_path / "images", tmp_path / "project")
    with session:
        told = []
        began = clocks()
        session.pool.features(session.derived, lambda *one: told.append(one))
        behind = clocks() - began
        began = clocks()
        session.train()
        ranked = clocks() - began
        assert len(session.derived.ranking()[0]) == len(session.snapshot().candidates)
    began = clocks()
    derived = Derived(tmp_path / "project" / "model.db")
    ImageFolder(tmp_path / "images", derived=derived).features(derived)
    again = clocks() - began
    steps = {
        "first row": seconds,
        "features": behind,
        "ranking": ranked,
        "features on another day": again,
    }
    for step, (wall, work) in steps.items():
        print(f"{step}: {wall:.1f} s, of which work {work:.1f} s")  # noqa: T201
    assert told[-1] == (10_000, 10_000)
    assert len(told) > 50
    assert seconds[1] < 5
    assert seconds[0] < 60  # as little as the work where nobody else is at work
