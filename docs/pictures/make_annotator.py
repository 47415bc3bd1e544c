"""annotator.png: the annotator page after the example of the coins was refined.

python docs/pictures/make_annotator.py

Needs gradio, selenium, and Chromium with its driver (Debian: chromium, chromium-driver). The coins
are scikit-image's, without known copyright restrictions.
"""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from picture_style import ROOT, picture_parser
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WIDTH, HEIGHT = 1300, 800
FLAGS = (
    *('--headless', '--no-sandbox', '--disable-gpu', '--enable-unsafe-swiftshader'),
    *('--disable-background-networking', f'--window-size={WIDTH},{HEIGHT + 150}'),
)


def main() -> None:
    """Start the page, refine an example, keep a picture of it."""
    args = picture_parser(__doc__, 'annotator.png').parse_args()
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / 'demo' / 'annotator.py'), '--port', str(port)]
        server = subprocess.Popen([*command, '--work-dir', folder], cwd=ROOT)
        try:
            screen = photograph_page(f'http://127.0.0.1:{port}/')
        finally:
            server.terminate()
            server.wait(20)
    # A palette halves the file; grey coins need few colors.
    small = screen.convert('RGB').quantize(128, dither=Image.Dither.NONE)
    small.save(args.out, optimize=True)


def photograph_page(address: str) -> Image.Image:
    """Open the page, refine an example, and take a picture of it."""
    wait_for_server(address)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium') or shutil.which('chromium-browser') or ''
    for flag in FLAGS:
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which('chromedriver')))
    try:
        browser.get(address)
        for button, told in (('example-coins', 'Press Refine'), ('refine', 'objects moved')):
            wait = WebDriverWait(browser, 60)
            wait.until(lambda page, name=button: page.find_elements(By.ID, name))
            time.sleep(2)  # until nothing moves any more
            browser.find_element(By.ID, button).click()
            wait.until(lambda page, text=told: text in page.find_element(By.ID, 'status').text)
        time.sleep(2)
        screen = Image.open(io.BytesIO(browser.get_screenshot_as_png()))
        return screen.crop((0, 0, screen.width - 16, min(HEIGHT, screen.height)))
    finally:
        browser.quit()


def wait_for_server(address: str, seconds: float = 180) -> None:
    """Until the page answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


if __name__ == '__main__':
    main()
