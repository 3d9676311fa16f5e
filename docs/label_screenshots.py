"""Take the pictures of docs/label_by_hand.md, of the real page in a real browser.

    python docs/label_screenshots.py

Needs the extra ``dev`` and Chromium. The answers come from the labels of the digits;
page, server and models are those that users meet.
"""

import shutil
import time
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright
from sklearn.datasets import load_digits

from skal.label import Event, LabelSession, _writer, command_line
from skal.label._page import Answers
from skal.label._server import Pictures, Running

IMAGES = Path(__file__).parent / "images"
TARGET = load_digits().target
TEXTS = [
    "The room was spotless and the staff could not have been kinder.",
    "Waited forty minutes for a cold soup. Never again.",
    "Nothing to write home about, but the view from the balcony at dusk, with boats "
    "coming in one after another, made up for the noise of the street.",
    "Breakfast ends at nine, which nobody tells you until ten past.",
    "They let us stay in the garden until midnight, and brought blankets.",
]
GUIDELINES = (
    "A seven may have a bar or not; both are sevens.\n\n"
    "If you cannot tell, press space: it comes again when the rest is done."
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]


@contextmanager
def served(X, **options):
    with LabelSession(X, train="elsewhere", random_state=0, **options) as session:
        pictures = Pictures(session)
        session.store.meta["name"] = (
            Path(X).name if isinstance(X, str) else "reviews.csv"
        )
        tokens = {"anna": session.store.add_annotator("anna")}
        with Running(Answers(session, pictures), pictures, tokens) as server:
            yield session, server
        pictures.close()


def answer(session, n):
    """Label and train, as a person and the trainer would in turn."""
    done = 0
    clock = (time.time() - 3 * (n + 20 - i) for i in range(n + 20))
    _writer.Event = lambda *said, **more: Event(*said, time=next(clock), **more)
    while done < n:
        for item in session.ask(20, annotator="anna"):
            digit = TARGET[int(Path(item.id).stem)]
            session.label(item.id, str(digit), annotator="anna", lead_ms=900)
            done += 1
        session.train()
    _writer.Event = Event


def opened(browser, server, width=1280, height=800, **options):
    size = {"width": width, "height": height}
    page = browser.new_context(viewport=size, **options).new_page()
    page.goto(server.link("anna"))
    page.wait_for_selector(".where .id")
    page.wait_for_selector(".panel section")
    page.wait_for_timeout(600)
    return page


def take(page, name):
    page.wait_for_timeout(400)
    page.screenshot(path=IMAGES / f"label_{name}.png")
    print(name)


def digits(browser):
    folder = str(command_line.digits_folder())
    classes = command_line.CLASSES
    with served(folder, classes=classes, guidelines=GUIDELINES) as (session, server):
        answer(session, 260)
        page = opened(browser, server)
        id = page.locator(".where .id").inner_text()
        page.keyboard.press(str(TARGET[int(Path(id).stem)]))
        take(page, "page")
        page.keyboard.press("g")
        page.wait_for_selector(".tile img.tiny")
        take(page, "grid")
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        take(page, "help")
        page.keyboard.press("Escape")
        page.keyboard.press("-")
        page.wait_for_selector(".strip canvas")
        take(page, "strip")
        page.close()
        page = opened(browser, server, color_scheme="dark")
        take(page, "dark")
        page.close()
        phone = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
        page = opened(browser, server, 390, 780, **phone)
        take(page, "phone")
        page.close()


def texts(browser):
    X = [
        f"{text} ({i})" if i >= 5 else text
        for i in range(60)
        for text in [TEXTS[i % 5]]
    ]
    with served(X, classes=["praise", "complaint", "mixed"]) as (_, server):
        page = opened(browser, server)
        page.keyboard.press("1")
        page.keyboard.press("/")
        page.keyboard.type("the")
        page.keyboard.press("Enter")
        page.wait_for_selector(".found .tile")
        take(page, "search")
        page.close()


def main():
    path = shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        digits(browser)
        texts(browser)
        browser.close()


if __name__ == "__main__":
    main()
