"""What tests do to a page in a real browser, and where they serve it."""

import socket

from tests.annotation.campaigns import GOOD


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def letter_of(page, said: str = GOOD) -> str:
    return str(page.locator("[data-letter]", has_text=said).first.get_attribute("data-letter"))


def assignment(page) -> str:
    return str(page.locator("[name=assignment]").get_attribute("value"))


def submit_and_wait(page, meanwhile=lambda page: None, key: str = "Enter") -> None:
    """Press Enter, and wait for the page that comes next."""
    before = assignment(page)
    page.keyboard.press(key)
    meanwhile(page)
    page.wait_for_selector(f"[name=assignment]:not([value='{before}']), .notice-page", state="attached")
