"""A browser for the tests of the page, where there is one."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

#: As Debian's package wants to be started where there is neither screen nor network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium():
    """A real browser, without a window.

    Of a module, not of the session: while it is there this thread has a running loop,
    and no other test could have one.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def digit_images(tmp_path_factory):
    """A folder of 300 digits as images; their names tell nothing."""
    folder = tmp_path_factory.mktemp("images") / "digits"
    folder.mkdir()
    for i, image in enumerate(load_digits().images[:300]):
        pixels = (255 - image * 255 / 16).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:04d}.png")
    return folder


@pytest.fixture(scope="session")
def digit_of():
    """What each of the images shows, by its id."""
    target = load_digits().target
    return lambda id: str(target[int(Path(id).stem)])
