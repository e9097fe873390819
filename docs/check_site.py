"""Look at the site in a browser: ``python docs/check_site.py``, after ``make -C docs html``.

It needs ``pip install selenium`` and Debian's packages ``chromium`` and ``chromium-driver``. Pages load, with
no error in the console and no request to another host; mathematics is drawn; search finds "GRU"; code can be
copied; no page is wider than a phone. ``--screenshots FOLDER`` keeps pictures of some pages, on a desktop and
a phone, light and dark.
"""

import argparse
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SITE = Path(__file__).parent / "_build" / "html"
DESKTOP, PHONE = (1300, 900), (390, 844)
SHOWN = ("index", "quickstart", "guide/data", "how/gru", "how/step", "reference/network", "coming/keras")


class Quiet(SimpleHTTPRequestHandler):
    """A server that prints nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def browser(address: str) -> Iterator[webdriver.Chrome]:
    """Start Chromium without a window."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(60)
    for permission in ("clipboard-read", "clipboard-write"):
        allowed = {"permission": {"name": permission}, "setting": "granted", "origin": address}
        driver.execute_cdp_cmd("Browser.setPermission", allowed)
    try:
        yield driver
    finally:
        driver.quit()


class Check:
    """A browser, and what it has found wrong."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver, self.address, self.faults = driver, address, list[str]()

    def open(self, page: str, size: tuple[int, int] = DESKTOP, mode: str = "light") -> None:
        """Load a page; what its console says and what it asks of other hosts is a fault."""
        self.resize(*size)
        if not self.driver.current_url.startswith(self.address):
            self.driver.get(f"{self.address}/index.html")
        self.driver.execute_script(
            "for (const k of ['mode', 'theme']) localStorage.setItem(k, arguments[0])", mode
        )
        self.driver.get(f"{self.address}/{page}.html")
        self.wait(
            lambda d: d.execute_script("return document.readyState") == "complete", f"{page}: not loaded"
        )
        if self.driver.find_elements(By.CSS_SELECTOR, ".math"):
            self.wait(
                lambda d: (
                    not any(
                        one.text.startswith(("\\(", "\\["))
                        for one in d.find_elements(By.CSS_SELECTOR, ".math")
                    )
                ),
                f"{page}: mathematics is not drawn",
            )
        for entry in self.driver.get_log("browser"):
            if entry["level"] in ("SEVERE", "ERROR"):
                self.faults.append(f"{page}: {entry['message']}")
        for entry in self.driver.get_log("performance"):
            if '"Network.requestWillBeSent"' in entry["message"]:
                url = entry["message"].partition('"url":"')[2].partition('"')[0]
                if url.startswith("http") and not url.startswith(self.address):
                    self.faults.append(f"{page}: asks another host, {url}")

    def resize(self, width: int, height: int) -> None:
        """Give the page a size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def wait(self, done: Callable[[webdriver.Chrome], Any], fault: str) -> Any:
        """Wait until something is so; else it is a fault."""
        try:
            return WebDriverWait(self.driver, 20).until(done)
        except TimeoutException:
            self.faults.append(fault)
            return None

    def fits(self, page: str) -> None:
        """Whether a page is no wider than the screen."""
        wide = self.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            self.faults.append(f"{page}: {wide} pixels wider than a phone")

    def search(self, word: str, found: str) -> None:
        """Search for a word, and expect a page among the results."""
        self.driver.get(f"{self.address}/search.html?q={word}")
        self.wait(
            lambda d: any(
                found in (a.get_attribute("href") or "")
                for a in d.find_elements(By.CSS_SELECTOR, "ul.search a")
            ),
            f"search for {word} does not find {found}",
        )

    def copy(self, page: str) -> None:
        """Press the button that copies the first block of code, and read the clipboard."""
        self.open(page)
        block = self.driver.find_element(By.CSS_SELECTOR, "div.highlight pre")
        button = self.driver.find_element(By.CSS_SELECTOR, "div.highlight button.copybtn")
        ActionChains(self.driver).move_to_element(block).move_to_element(button).click().perform()
        self.wait(lambda d: "success" in button.get_attribute("class"), f"{page}: the button does not answer")
        read = "const done = arguments[0]; navigator.clipboard.readText().then(done, e => done(String(e)))"
        copied = self.driver.execute_async_script(read)
        if copied.split() != block.text.split():
            self.faults.append(f"{page}: the button copies {copied[:80]!r}")


def main() -> None:
    """Check all pages, and say what is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--screenshots", type=Path, help="folder for pictures of some pages")
    parser.add_argument("--pages", nargs="*", help="check these pages only, as how/gru")
    options = parser.parse_args()
    all_pages = sorted(p.relative_to(SITE).with_suffix("").as_posix() for p in SITE.rglob("*.html"))
    pages = options.pages or [
        p for p in all_pages if not p.startswith(("_", "genindex", "py-modindex", "search"))
    ]
    if not pages:
        sys.exit("there is no site: make -C docs html")
    with served(SITE) as address, browser(address) as driver:
        check = Check(driver, address)
        for page in pages:
            check.open(page, PHONE)
            check.fits(page)
        check.search("GRU", "GRU.html")
        check.copy("index")
        check.open("how/gru")
        drawn = driver.find_elements(By.CSS_SELECTOR, ".bd-article mjx-container")
        if len(drawn) < 8 or any(one.size["height"] < 8 for one in drawn):
            check.faults.append(f"how/gru: {len(drawn)} formulas are drawn")
        if options.screenshots:
            take(check, options.screenshots)
    print("\n".join([*check.faults, f"{len(pages)} pages, {len(check.faults)} faults"]))
    sys.exit(bool(check.faults))


def take(check: Check, folder: Path) -> None:
    """Keep pictures of some pages, of their whole height."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in SHOWN:
        for (width, height), mode in (
            (DESKTOP, "light"),
            (DESKTOP, "dark"),
            (PHONE, "light"),
            (PHONE, "dark"),
        ):
            check.open(page, (width, height), mode)
            whole = check.driver.execute_script("return document.documentElement.scrollHeight")
            check.resize(width, min(whole, 3000))
            check.driver.save_screenshot(str(folder / f"{page.replace('/', '_')}_{width}_{mode}.png"))


if __name__ == "__main__":
    main()
