"""Take the pictures of the volunteer's page that docs/ shows: a real federation of three devices, in a real browser.

It takes some minutes, because the devices really learn. Two devices join from a shell, and a volunteer by the page.
"""

import argparse
import contextlib
import csv
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from command_line import called_from, parser

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE: Final = 900_000
"""Milliseconds."""
_COLOURS: Final = 192
_HEIGHT: Final = 800
# Made up for the pictures: what happens, and when.
_MADE_UP: Final = {
    "sw": {
        "sports": ("Timu yetu imeshinda mechi", "Mchezaji amefunga mabao mawili", "Mbio za baiskeli zimeanza"),
        "weather": ("Mvua kubwa imenyesha", "Jua kali limewaka", "Upepo umevuma kutoka baharini"),
        "health": ("Daktari amewatibu wagonjwa", "Watoto wamepata chanjo", "Hospitali imepokea dawa mpya"),
    },
    "zu": {
        "sports": ("Iqembu lethu linqobile", "Umdlali ufake amagoli amabili", "Umjaho uqalile"),
        "weather": ("Imvula enkulu inile", "Ilanga lishisa kakhulu", "Umoya uvunguza ngamandla"),
        "health": ("Udokotela welaphe iziguli", "Izingane zithole umgomo", "Isibhedlela sithole imithi emisha"),
    },
    "yo": {
        "sports": ("Ẹgbẹ́ wa ti borí", "Agbábọ́ọ̀lù náà gbá bọ́ọ̀lù méjì wọlé", "Eré ìje ti bẹ̀rẹ̀"),
        "weather": ("Òjò ńlá ti rọ̀", "Oòrùn mú gan-an", "Afẹ́fẹ́ ń fẹ́ gidigidi"),
        "health": ("Dókítà tọ́jú àwọn aláìsàn", "Àwọn ọmọdé gba abẹ́rẹ́", "Ilé ìwòsàn gba oògùn tuntun"),
    },
}
_WHEN: Final = {
    "sw": ("leo", "jana", "asubuhi", "jioni", "usiku", "wiki hii", "mwezi uliopita", "Jumatatu", "Ijumaa", "mjini"),
    "zu": ("namuhla", "izolo", "ekuseni", "kusihlwa", "ebusuku", "kuleli sonto", "ngoMsombuluko", "edolobheni"),
    "yo": ("lónìí", "lánàá", "ní òwúrọ̀", "ní ìrọ̀lẹ́", "ní alẹ́", "ní ọ̀sẹ̀ yìí", "ní ọjọ́ Ajé", "ní ìlú"),
}
_DAYS: Final = ("اليوم", "غدا", "أمس")
_ARABIC: Final = {
    "weather": ("الطقس مشمس", "تهب رياح قوية", "نزل المطر"),
    "sports": ("فاز الفريق", "بدأت المباراة", "سجل هدفين"),
}


def table(tag: str, file: Path) -> Path:
    """Write made-up sentences in a language as a volunteer would have them."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        written = csv.writer(stream)
        written.writerow(("text", "label"))
        written.writerows(
            (f"{happens} {when}.", label)
            for label, events in _MADE_UP[tag].items()
            for happens in events
            for when in _WHEN[tag]
        )
    return file


@contextlib.contextmanager
def running(home: Path, *command: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a command in a home of its own until the context ends."""
    variables = {**os.environ, "XDG_STATE_HOME": str(home), "MFPT_CACHE": str(home.parent / "cache")}
    with (home.parent / f"{home.name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=log, text=True, env=variables
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


@contextlib.contextmanager
def federation(folder: Path) -> Iterator[str]:
    """Run a federation with two devices; the value is an invitation for a third one."""
    plan, data = folder / "plan.toml", str(folder / "data")
    task = ("--labels", "sports,weather,health", "--federation", "sentences")
    init = ("mfpt_coord", "plan", "init", *task, "--out", str(plan))
    subprocess.run([sys.executable, "-m", *init], check=True, stdout=subprocess.DEVNULL)
    with contextlib.ExitStack() as stack:
        serve = ("mfpt_coord", "serve", "--closed", "--plan", str(plan), "--data-dir", data, "--listen", "127.0.0.1:0")
        stack.enter_context(running(folder / "coordinator", *serve))
        for tag in ("zu", "yo"):
            examples = table(tag, folder / f"{tag}.csv")
            join = ("mfpt_edge", "join", invitation(data, tag), "--data", str(examples), "--threads", "1")
            stack.enter_context(running(folder / tag, *join))
        yield invitation(data, "sw")


def invitation(data: str, tag: str) -> str:
    """Return the line of a new invitation, as soon as the coordinator answers."""
    command = [sys.executable, "-m", "mfpt_coord", "invite", "--data-dir", data, "--lang", tag]
    for _ in range(60):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if found := re.search(r"mfpt://\S+", done.stdout):
            return found[0].rstrip("'")
        time.sleep(1)
    raise SystemExit(f"no invitation: {done.stderr}")


class Camera:
    """Takes pictures of pages, few colours, so that they stay small."""

    def __init__(self, browser: Browser, out: Path, whose: str = "volunteer") -> None:
        self._browser = browser
        self._out = out
        self._whose = whose

    def tab(self, address: str, width: int, scheme: str) -> Page:
        """Open an address in a window of a width, `light` or `dark`."""
        page = self._browser.new_page(
            viewport={"width": width, "height": _HEIGHT},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en-GB",
        )
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.wait_for_selector("h1")
        return page

    def takes(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Write a picture; `whole`: also of what is below the window."""
        page.wait_for_timeout(500)
        picture = Image.open(io.BytesIO(page.screenshot(full_page=whole, animations="disabled")))
        self._out.mkdir(parents=True, exist_ok=True)
        file = self._out / f"{self._whose}-{name}.png"
        picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB", file=sys.stderr)


def joins(camera: Camera, address: str, line: str, examples: Path) -> None:
    """Join by the page, with pictures of the way."""
    page = camera.tab(address, 1280, "light")
    camera.takes(page, "join")
    page.fill("#line", line)
    page.get_by_role("button", name="Continue").click()
    page.set_input_files("#file", examples)
    page.get_by_text("to learn from.").wait_for()
    camera.takes(page, "sentences")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Join", exact=True).click()
    page.locator("#pause").wait_for()
    page.close()


def looks(camera: Camera, address: str) -> None:
    """Take the pictures of a device that has made some versions with the others."""
    page = camera.tab(address, 1280, "light")
    page.locator(".chart svg").first.wait_for()
    page.locator(".bars").wait_for()
    camera.takes(page, "overview")
    page.get_by_role("link", name="What left this computer").click()
    page.locator("summary", has_text="What was learned").first.click()
    camera.takes(page, "sent")
    page.close()
    narrow = camera.tab(address, 390, "dark")
    narrow.locator(".chart svg").first.wait_for()
    camera.takes(narrow, "overview-dark-narrow")
    narrow.get_by_role("link", name="Try it").click()
    narrow.fill("#text", "Timu ya taifa imeshinda mabao matatu")
    narrow.get_by_role("button", name="What does it say?").click()
    narrow.locator(".answer").wait_for()
    camera.takes(narrow, "try-dark-narrow")
    narrow.close()
    wide = camera.tab(address, 1280, "dark")
    wide.get_by_role("link", name="Settings").click()
    wide.locator("#leave").click()
    camera.takes(wide, "leave-dark", whole=False)
    wide.close()


def right_to_left(camera: Camera, address: str, line: str, folder: Path) -> None:
    """Take the picture of a file in a language that is written from right to left, laid out for its readers."""
    file = folder / "جمل.csv"
    rows = [f"{text} {day},{label}" for label, texts in _ARABIC.items() for text in texts for day in _DAYS]
    file.write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    page = camera.tab(address, 390, "light")
    page.evaluate("location.hash = '#/join'")
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.fill("#line", line.replace("lang=swh", "lang=arb"))
    page.get_by_role("button", name="Continue").click()
    page.set_input_files("#file", file)
    page.get_by_text("to learn from.").wait_for()
    camera.takes(page, "right-to-left-narrow")
    page.close()


def main() -> int:
    """Run the command line; return the exit code."""
    options = _options()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        with (
            federation(folder) as line,
            running(folder / "volunteer", "mfpt_edge", "open", "--no-browser") as shown,
        ):
            assert shown.stdout is not None
            address = shown.stdout.readline().removeprefix("page: ").strip()
            browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            camera = Camera(browser, called_from() / options.out)
            joins(camera, address, line, table("sw", folder / "sentensi.csv"))
            right_to_left(camera, address, line, folder)
            looks(camera, address)
            browser.close()
    return 0


def _options() -> argparse.Namespace:
    reading = parser("screenshots", __doc__, "--out docs/pictures")
    reading.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="folder for the pictures")
    reading.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    return reading.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
