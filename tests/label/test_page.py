"""The page, in a real browser: answers by keyboard, nothing lost, nothing executed."""

import json
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from label.serving import Client, served

CLASSES = [str(i) for i in range(10)]


@contextmanager
def tab(browser, server, annotator="me", **options):
    """Open the page; afterwards nothing may have gone wrong in it."""
    context = browser.new_context(
        **{"viewport": {"width": 1280, "height": 800}, **options}
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on(
        "dialog", lambda dialog: (page.wrong.append(dialog.message), dialog.accept())
    )
    page.goto(server.link(annotator))
    page.wait_for_selector(".where .id")
    try:
        yield page
        assert page.wrong == []
    finally:
        context.close()


def shown(page):
    return page.locator(".where .id").inner_text()


def until(true):
    """Wait for something to be so."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "It has not become so."
        time.sleep(0.01)


def wait_saved(page):
    until(lambda: page.locator(".saved").inner_text() == "All saved")


def said(session):
    """Return what counts today, by id."""
    return {
        session.pool.id_of(one.item): one.value or one.kind
        for one in session.store.current()
    }


def press(page, key):
    """Press a key for an answer and wait for another row."""
    before = shown(page)
    page.keyboard.press(key)
    until(lambda: shown(page) != before)
    return before


def test_a_row_is_labelled_undone_and_labelled_again(chromium):
    """The page in short: a browser, a key, a label in the store."""
    with served() as server, tab(chromium, server) as page:
        assert "#" not in page.url
        assert "token" not in page.url
        first = press(page, "1")
        second = press(page, "2")
        wait_saved(page)
        assert said(server.session) == {first: "pos", second: "neg"}
        page.keyboard.press("u")
        until(lambda: shown(page) == second)
        press(page, "p")  # the first letter of a class
        wait_saved(page)
        assert said(server.session) == {first: "pos", second: "pos"}
        assert "Labelled pos" in page.locator(".spoken").text_content()
        page.keyboard.press("g")
        assert page.locator(".grid").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert page.locator("dialog.help").is_visible()


@pytest.mark.long
def test_fifty_labels_by_keyboard_alone(chromium, digit_images, digit_of):
    """No mouse, from the first row to the last; every label is what was meant."""
    with served(str(digit_images), classes=CLASSES) as server:
        with tab(chromium, server) as page:
            meant = {}
            while len(meant) < 50:
                meant[shown(page)] = digit_of(shown(page))
                press(page, digit_of(shown(page)))
            wait_saved(page)
            assert said(server.session) == meant
        events = server.session.store.events()
        assert len({event.event for event in events}) == 50
        assert all(
            event.lead_ms >= 0 and event.source in ("initial", "random")
            for event in events
        )


@pytest.mark.long
def test_undo_goes_back_to_the_first_answer_and_redo_forward(chromium):
    with served() as server, tab(chromium, server) as page:
        order = [press(page, key) for key in ("1", "2", " ", "x", "p")]
        for id in reversed(order):
            page.keyboard.press("u")
            assert shown(page) == id
        page.keyboard.press("u")
        assert "Nothing to undo" in page.locator(".spoken").text_content()
        wait_saved(page)
        assert said(server.session) == {}
        for _ in range(3):
            page.keyboard.press("Shift+U")
        wait_saved(page)
        assert said(server.session) == dict(
            zip(order[:3], ("pos", "neg", "skip"), strict=True)
        )
        assert shown(page) == order[3]


@pytest.mark.long
def test_undo_reaches_back_before_a_reload(chromium):
    with served() as server, tab(chromium, server) as page:
        order = [press(page, "1") for _ in range(4)]
        wait_saved(page)
        page.reload()
        page.wait_for_selector(".where .id")
        for id in reversed(order):
            page.keyboard.press("Control+z")
            until(lambda id=id: shown(page) == id)
        wait_saved(page)
        assert said(server.session) == {}


@pytest.mark.long
def test_arrows_look_back_and_a_key_corrects(chromium):
    with served() as server, tab(chromium, server) as page:
        order = [press(page, "1") for _ in range(3)]
        front = shown(page)
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert shown(page) == order[1]
        assert "2 back" in page.locator(".where").inner_text()
        pressed = page.locator(".class[aria-pressed=true]")
        assert pressed.inner_text().endswith("pos")
        page.keyboard.press("2")
        assert shown(page) == front
        wait_saved(page)
        assert said(server.session) == dict(
            zip(order, ("pos", "neg", "pos"), strict=True)
        )
        events = server.session.store.events(item=server.session.pool.number(order[1]))
        assert [event.value for event in events] == ["pos", "neg"]
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        assert shown(page) == front


@pytest.mark.long
def test_a_row_on_the_screen_is_never_exchanged(chromium):
    """Neither by a reload nor by a new model, which changes what comes after it."""
    with served(audit=0) as server, tab(chromium, server) as page:
        for i in range(8):
            press(page, "12"[i % 2])
        wait_saved(page)
        here = shown(page)
        page.reload()
        page.wait_for_selector(".where .id")
        assert shown(page) == here
        server.session.train()
        page.wait_for_selector("text=Model 1, up to date")
        page.wait_for_timeout(500)
        assert shown(page) == here
        press(page, "1")
        wait_saved(page)
        event = server.session.store.events()[-1]
        assert server.session.pool.id_of(event.item) == here
        press(page, "1")
        wait_saved(page)
        assert server.session.store.events()[-1].model == 1


@pytest.mark.long
def test_a_reply_that_comes_late_brings_no_row_again(chromium):
    """Rows that were answered while it was on its way used to be asked once more."""
    with served() as server, tab(chromium, server) as page:
        held = []

        def hold(route):
            if held:
                route.continue_()
            else:
                held.append((route, route.fetch()))

        page.route("**/api/next", hold)
        while not held:
            press(page, "1")
        while page.locator(".where .id").count():  # all that were fetched before
            page.keyboard.press("1")
        wait_saved(page)
        route, reply = held[0]
        route.fulfill(response=reply)
        for _ in range(12):
            press(page, "2")
        wait_saved(page)
        events = server.session.store.events()
        assert len({event.item for event in events}) == len(events)


@pytest.mark.long
def test_the_grid_is_one_transaction_and_one_undo(chromium, digit_images, digit_of):
    with served(str(digit_images), classes=CLASSES) as server:
        session = server.session
        for item in session.ask(60):
            session.label(item.id, digit_of(item.id))
        session.train()
        before = session.n_labels
        with tab(chromium, server) as page:
            page.keyboard.press("g")
            page.select_option(".grid select", "3")
            page.wait_for_selector(".tile")
            ids = [tile.get_attribute("title") for tile in page.locator(".tile").all()]
            page.locator(".tile").first.focus()
            for id in ids:
                if digit_of(id) != "3":
                    page.locator(f".tile[title='{id}']").focus()
                    page.keyboard.press(" ")
            wrong = page.locator(".tile[aria-pressed=true]").count()
            page.keyboard.press("Enter")
            page.wait_for_selector(".grid .live >> text=Labelled")
            wait_saved(page)
            right = [id for id in ids if digit_of(id) == "3"]
            assert len(right) == len(ids) - wrong > 0
            assert {id: said(session)[id] for id in right} == dict.fromkeys(right, "3")
            events = [
                event for event in session.store.events() if event.source == "batch"
            ]
            assert len({event.batch for event in events}) == 1
            page.wait_for_selector(".tile, .grid .nothing")
            page.keyboard.press("u")
            wait_saved(page)
            assert session.n_labels == before


@pytest.mark.long
def test_search_by_words_and_by_likeness(chromium):
    with served() as server, tab(chromium, server) as page:
        here = shown(page)
        page.keyboard.press("/")
        page.keyboard.type("text 17")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=1 row found")
        page.keyboard.press("Enter")  # the first result has the focus
        assert shown(page) == "17"
        press(page, "2")
        wait_saved(page)
        assert said(server.session) == {"17": "neg"}
        assert server.session.store.events()[-1].source == "search"
        assert shown(page) == here
        page.keyboard.press("/")
        page.click("text=Rows like this one")
        page.wait_for_selector("text=like this one >> nth=0")
        page.wait_for_selector(".found .tile")


@pytest.mark.long
def test_offline_then_online_loses_nothing(chromium):
    with served() as server, tab(chromium, server) as page:
        first = press(page, "1")
        wait_saved(page)
        page.context.set_offline(True)
        order = [press(page, key) for key in ("2", "1", "2", " ")]
        page.keyboard.press("u")
        press(page, "1")
        page.wait_for_selector("text=6 unsaved")
        assert "does not answer" in page.locator(".banner").inner_text()
        assert said(server.session) == {first: "pos"}
        page.context.set_offline(False)
        wait_saved(page)
        meant = dict(zip(order, ("neg", "pos", "neg", "pos"), strict=True))
        assert said(server.session) == {first: "pos", **meant}
        assert page.locator(".banner").is_hidden()


@pytest.mark.long
def test_a_tab_that_is_closed_offline_sends_its_answers_the_next_time(chromium):
    with served() as server:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(server.link("me"))
        page.wait_for_selector(".where .id")
        page.wait_for_selector("text=of 60")
        context.set_offline(True)
        order = [press(page, "1") for _ in range(3)]
        page.close(run_before_unload=False)
        context.set_offline(False)
        assert said(server.session) == {}
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_selector(".where .id")
        wait_saved(page)
        assert said(server.session) == dict.fromkeys(order, "pos")
        context.close()


@pytest.mark.long
def test_an_answer_that_is_refused_is_told_and_stops_no_other(chromium):
    with served() as server, tab(chromium, server) as page:
        gone = shown(page)
        server.session.remove_rows([gone])
        press(page, "1")
        page.wait_for_selector("text=One answer was refused: item must be the number")
        kept = press(page, "2")
        wait_saved(page)
        assert said(server.session) == {kept: "neg"}
        assert page.locator(".banner").is_visible()


@pytest.mark.long
def test_a_row_that_is_asked_again_does_not_tell_what_was_said(chromium):
    """Or people would agree with themselves by looking."""
    options = {"repeat": 0.5, "audit": 0}
    with served(**options) as server, tab(chromium, server) as page:
        seen, again = set(), 0
        for _ in range(45):  # twenty others come between
            if shown(page) in seen:
                again += 1
                assert "now:" not in page.locator(".where").inner_text()
                assert page.locator(".class[aria-pressed=true]").count() == 0
                assert page.locator(".following").is_disabled()
            seen.add(press(page, "1"))
        wait_saved(page)
        assert again >= 3
        sources = [event.source for event in server.session.store.events()]
        assert sources.count("again") == again


@pytest.mark.long
def test_leaving_with_unsaved_answers_is_asked_about(chromium):
    with served() as server:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(server.link("me"))
        page.wait_for_selector(".where .id")
        page.click(".class >> nth=0")  # browsers ask only those who did something
        wait_saved(page)
        context.set_offline(True)
        page.keyboard.press("1")
        with page.expect_event("dialog", timeout=10_000) as asked:
            page.close(run_before_unload=True)
        assert asked.value.type == "beforeunload"
        asked.value.dismiss()
        context.set_offline(False)
        wait_saved(page)
        assert server.session.n_labels == 2
        context.close()


HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@pytest.mark.long
def test_markup_in_texts_classes_and_ids_is_text(chromium):
    """Nothing that a file or a person says is ever read as HTML."""
    texts = [f"{HOSTILE} {i}" for i in range(20)]
    ids = [f"{HOSTILE}{i}" for i in range(20)]
    with (
        served(
            texts,
            ids=ids,
            classes=[HOSTILE, "javascript:alert(3)"],
            guidelines=HOSTILE,
        ) as server,
        tab(chromium, server) as page,
    ):
        assert page.locator(".sight .text").inner_text().startswith(HOSTILE)
        press(page, "1")
        press(page, "2")
        press(page, "1")
        wait_saved(page)
        server.session.train()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("m")
        page.keyboard.press("?")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        page.keyboard.type(HOSTILE)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("g")
        page.wait_for_selector(".tile, .grid .nothing")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type("onerror")
        page.keyboard.press("Enter")
        page.wait_for_selector(".found .tile")
        page.wait_for_timeout(300)
        assert page.locator("body img, body script").count() == 0
        assert server.session.store.events()[-1].value == HOSTILE


@pytest.mark.long
def test_markup_in_names_of_files_is_text(chromium, digit_images, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, path in enumerate(sorted(digit_images.iterdir())[:12]):
        name = f"{i}<img src=x onerror=alert(1)>\"'&amp;.png"
        (folder / name).write_bytes(path.read_bytes())
    with served(str(folder)) as server, tab(chromium, server) as page:
        assert "onerror" in shown(page)
        page.wait_for_selector(".sight img.tiny")
        press(page, "1")
        assert page.locator("body img").count() == 1


@pytest.mark.long
def test_a_class_is_added_with_a_word_about_near_spellings(chromium):
    with served() as server, tab(chromium, server) as page:
        page.click(".add")
        page.keyboard.type("Pos")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=There is “pos”")
        page.fill("dialog[open] input", "third")
        page.keyboard.press("Enter")
        page.wait_for_selector(".class >> text=third")
        press(page, "3")
        wait_saved(page)
        assert list(said(server.session).values()) == ["third"]


@pytest.mark.long
def test_of_many_classes_one_is_found_by_its_name(chromium):
    classes = [f"class {letter}" for letter in "abcdefghijklmnopqrst"]
    with served(classes=classes) as server, tab(chromium, server) as page:
        page.keyboard.press(".")
        page.keyboard.type("ss q")
        assert page.locator(".class:visible").count() == 1
        press(page, "Enter")
        press(page, "1")
        wait_saved(page)
        assert list(said(server.session).values()) == ["class q", "class a"]


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_light_dark_and_every_width(scheme, width, chromium, digit_images):
    """Nothing is cut, every target is large enough, and words can be read."""
    options = {"viewport": {"width": width, "height": 780}, "color_scheme": scheme}
    with (
        served(str(digit_images), classes=CLASSES) as server,
        tab(chromium, server, has_touch=width < 500, **options) as page,
    ):
        page.wait_for_selector("text=of 300")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for button in page.locator("button:visible").all():
            box = button.bounding_box()
            assert box["height"] >= 44, button.inner_text()
            assert box["width"] >= 44, button.inner_text()
        assert page.locator(".classes").bounding_box()["y"] < 780
        for selector in (
            "h1",
            ".where .id",
            ".panel .muted >> nth=0",
            ".class .text >> nth=0",
        ):
            assert contrast(page, selector) >= 4.5, selector


def contrast(page, selector):
    """Return the contrast of a text with what is behind it, as WCAG reckons it."""
    first, second = (
        0.2126 * r + 0.7152 * g + 0.0722 * b
        for r, g, b in (
            [
                c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
                for c in colour
            ]
            for colour in page.locator(selector).first.evaluate(COLOURS)
        )
    )
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


COLOURS = """element => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d');
  const rgb = (name) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = name;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const paint = (one) => getComputedStyle(one).backgroundColor;
  let behind = element;
  while (rgb(paint(behind))[3] < 1) behind = behind.parentElement;
  return [getComputedStyle(element).color, paint(behind)]
    .map((name) => rgb(name).slice(0, 3));
}"""


@pytest.mark.long
def test_the_keyboard_reaches_everything_in_order(chromium):
    with served() as server, tab(chromium, server, reduced_motion="reduce") as page:
        page.evaluate("document.activeElement.blur()")
        reached = []
        for _ in range(20):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("document.activeElement.innerText.split('\\n')[0]")
            )
        order = (
            "Grid",
            "Search",
            "Help",
            "Not sure",
            "Discard",
            "Note",
            "Suggest",
        )
        places = [
            next(i for i, text in enumerate(reached) if text.startswith(word))
            for word in order
        ]
        assert places == sorted(places)
        page.wait_for_selector(".track span", state="attached")
        moving = "element => getComputedStyle(element).transitionDuration"
        assert page.locator(".track span").first.evaluate(moving) == "0s"


@pytest.mark.long
def test_a_strip_is_drawn_and_real_rows_like_it_come_next(
    chromium, digit_images, digit_of
):
    """Seen and pressed by keyboard alone; what is drawn never has a label."""
    with (
        served(str(digit_images), classes=CLASSES) as server,
        tab(chromium, server) as page,
    ):
        session = server.session
        page.keyboard.press("-")
        page.wait_for_selector("text=Label a few rows of two classes first.")
        while session.n_labels < 12:
            press(page, digit_of(shown(page)))
            wait_saved(page)
        before = shown(page)
        page.keyboard.press("-")
        page.wait_for_selector(".strip canvas")
        steps = page.locator(".strip button")
        assert steps.count() == 7
        names = [steps.nth(i).get_attribute("aria-label") for i in range(7)]
        assert names[2] == "Drawn picture 3 of 7. Ask for rows like it."
        first = page.locator("select[name=first]")
        other = page.locator("select[name=second]").input_value()
        first.select_option(other)  # the other end is then another class
        page.wait_for_function(
            "other => document.querySelector('select[name=second]').value !== other",
            arg=other,
        )
        assert first.input_value() == other
        for _ in range(4):  # from one class, over the other, to the third picture
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        until(lambda: "rows like it" in page.locator(".spoken").text_content())
        assert shown(page) == before  # never exchanged under one's hands
        assert session.n_labels == 12
        mine = session.store.leases(of="me")
        wanted = {one for one, lease in mine.items() if lease.source == "search"}
        assert wanted
        server.session.train()  # a new ranking changes nothing about it
        page.wait_for_selector("text=up to date")
        asked = [press(page, digit_of(shown(page))) for _ in range(6)]
        assert asked[0] == before
        assert wanted <= {session.pool.number(id) for id in asked[1:]}
        wait_saved(page)
        assert said(session) | {id: digit_of(id) for id in asked} == said(session)
        assert page.locator(".strip").count() == 0
    with served() as server, tab(chromium, server) as page:
        assert not page.locator(".drawn").is_visible()


@pytest.mark.long
def test_the_trainer_sleeps_and_the_page_does_not(chromium):
    """What a page says of a model, and of one that failed."""
    with served() as server, tab(chromium, server) as page:
        server.session.derived.set_status(phase="failed", error="ValueError: no luck")
        page.wait_for_selector(
            "text=Training failed, the last ranking stays: ValueError: no luck"
        )
        press(page, "1")
        wait_saved(page)
        assert server.session.n_labels == 1
        server.session.derived.set_status(phase="training", error=None)
        page.wait_for_selector("text=Training >> nth=-1")
        page.wait_for_selector(".banner", state="hidden")


# A hostile page in the same browser ------------------------------------------------

ATTACKS = (Path(__file__).parent / "hostile.js").read_text()


@pytest.fixture
def hostile():
    """A web page on another port of this computer, which is the worst neighbour."""
    import http.server
    import threading

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.cookies.append(self.headers.get("Cookie", ""))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>hostile</title><body>")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        server.cookies = []
        thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.mark.long
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_hostile_page_in_the_same_browser_gets_nothing(
    host, chromium, hostile, digit_images
):
    """It may guess port and names, and its server sees the cookie of this host."""
    with served(str(digit_images)) as server, tab(chromium, server) as page:
        press(page, "1")
        wait_saved(page)
        evil = page.context.new_page()
        evil.goto(f"http://{host}:{hostile.server_port}/")
        # Even the key, which it cannot know, would not help a page of another origin.
        seen = evil.evaluate(
            ATTACKS, {"port": server.port, "key": server.keys.key("me")}
        )
        assert seen["fetch"] == "refused"
        assert seen["read"] == "refused"
        assert seen["image"] == "refused"
        assert seen["script"] == "refused"
        assert seen["socket"] == "refused"
        assert seen["frame"] == "refused"
        assert len(server.session.store.events()) == 1
        if host == "127.0.0.1":
            assert any(f"skal-{server.port}=" in cookie for cookie in hostile.cookies)
        # What it has seen of the cookie opens no request that a browser did not send.
        thief = Client(server)
        thief.headers.pop("X-Skal-Key")
        body = json.dumps({"events": []}).encode()
        assert thief.send("POST", "/api/events", body)[0] == 403


@pytest.mark.long
def test_dns_rebinding_leads_nowhere(chromium):
    """A name that an attacker points at this computer is not the name of the server."""
    with served() as server:
        context = chromium.new_context()
        page = context.new_page()
        # Browsers resolve every name below localhost to this computer.
        reply = page.goto(
            f"http://evil.localhost:{server.port}/?token={server.keys.tokens['me']}"
        )
        assert reply.status == 403
        assert context.cookies() == []
        assert page.evaluate("async () => (await fetch('/api/state')).status") == 403
        context.close()


@pytest.mark.long
def test_the_link_works_from_a_file_and_from_another_site(chromium, hostile, tmp_path):
    """A strict cookie is not sent after a redirect that another site began."""
    with served() as server:
        start = tmp_path / "start.html"
        link = server.link("me")
        start.write_text(f'<meta http-equiv=refresh content="0; url={link}">')
        for first in (start.as_uri(), f"http://127.0.0.1:{hostile.server_port}/"):
            context = chromium.new_context()
            page = context.new_page()
            page.goto(first)
            if "http:" in first:
                page.evaluate("link => { location.href = link; }", link)
            page.wait_for_selector(".where .id")
            assert page.url == f"http://127.0.0.1:{server.port}/"
            context.close()


@pytest.mark.long
def test_without_its_link_the_page_says_what_to_do(chromium):
    with served() as server:
        context = chromium.new_context()
        page = context.new_page()
        assert page.goto(f"http://127.0.0.1:{server.port}/").status == 403
        assert "Open the link" in page.inner_text("body")
        context.close()
