"""The page in a real browser: draw, refine, slide, download, bad uploads, two tabs.

Needs gradio, selenium, and Chromium with its driver (Debian: chromium, chromium-driver).
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
from PIL import Image

from mmsteal.annotator.rendering import display_shape
from tests.conftest import REPO

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')
DRIVER = shutil.which('chromedriver')
MISSING = [name for name in ('gradio', 'selenium') if find_spec(name) is None]
MISSING += [name for name, path in (('chromium', BROWSER), ('chromedriver', DRIVER)) if not path]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f'not installed: {", ".join(MISSING)}'),
]

FLAGS = (
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--enable-unsafe-swiftshader', '--window-size=1400,1400',
)  # fmt: skip
WIDTH, HEIGHT = 320, 240
DISK = (160, 120, 70)  # center x, y and radius


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    """Address and work folder of a server without a model."""
    folder = tmp_path_factory.mktemp('server')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    # From a folder of its own: nothing may be written beside --work-dir.
    command = [sys.executable, str(REPO / 'demo' / 'annotator.py'), '--port', str(port),
               '--work-dir', str(folder / 'work')]  # fmt: skip
    paths = os.pathsep.join([str(REPO), os.environ.get('PYTHONPATH', '')])
    environment = {**os.environ, 'PYTHONPATH': paths, 'OMP_NUM_THREADS': '1'}
    with open(folder / 'log', 'w') as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    address = f'http://127.0.0.1:{port}/'
    try:
        wait_for(lambda: answers(address), 120, lambda: (folder / 'log').read_text()[-2000:])
        yield address, folder / 'work'
        assert process.poll() is None, (folder / 'log').read_text()[-2000:]
        assert {path.name for path in folder.iterdir()} == {'log', 'work'}
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f'--user-data-dir={tmp_path_factory.mktemp("profile")}'):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(server, browser):
    """The page, opened anew."""
    browser.get(server[0])
    wait_for(lambda: 'Load an image' in status(browser), 60)
    return browser


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Images and label maps to upload."""
    folder = tmp_path_factory.mktemp('files')
    pixels = np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
    cv2.circle(pixels, DISK[:2], DISK[2], (180, 160, 90), -1)
    Image.fromarray(pixels).save(folder / 'disk.png')
    (folder / 'text.jpg').write_text('no image')
    (folder / 'cut.png').write_bytes((folder / 'disk.png').read_bytes()[:150])
    Image.new('1', (30000, 20000)).save(folder / 'huge.png')
    Image.new('RGB', (8, 8)).save(folder / 'tiny.png')
    Image.new('RGBA', (60, 40), (9, 9, 9, 0)).save(folder / 'clear.png')
    Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60)).save(folder / 'deep.png')
    Image.new('L', (60, 40), 1).save(folder / 'other_size.png')
    return folder


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


def wait_for(condition, seconds, explain=lambda: ''):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, explain()
        time.sleep(0.05)


def status(page):
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

    try:
        return page.find_element('id', 'status').text
    except (NoSuchElementException, StaleElementReferenceException):
        return ''


def expect(page, text):
    wait_for(lambda: text in status(page), 60, lambda: f'{text!r} is not in {status(page)!r}')


def click(page, name):
    """Click once the page has come to rest: a tab that opens moves what is below it."""
    where = """
        const element = document.getElementById(arguments[0]);
        element.scrollIntoView({block: "center"});
        const box = element.getBoundingClientRect();
        return [box.x, box.y, box.width, document.body.scrollHeight];
    """
    places = [None]

    def at_rest():
        time.sleep(0.3)
        places.append(page.execute_script(where, name))
        return places[-1] == places[-2] and places[-1][2] > 0

    wait_for(at_rest, 20)
    page.find_element('id', name).click()


def upload(page, name, path):
    wait_for(lambda: page.find_elements('css selector', f'#{name} input[type=file]'), 20)
    page.find_element('css selector', f'#{name} input[type=file]').send_keys(str(path))


def open_accordions(page):
    for button in page.find_elements('css selector', 'button.label-wrap'):
        page.execute_script('arguments[0].click()', button)


def open_disk(page, files):
    upload(page, 'image-file', files / 'disk.png')
    expect(page, f'{WIDTH} x {HEIGHT}')
    wait_for(lambda: '%' in page.find_element('id', 'editor').text, 20)
    time.sleep(1.5)  # the editor fits the image into its frame


def draw(page, points):
    """A stroke along points of the image."""
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = page.find_element('css selector', '#editor canvas')
    page.execute_script('arguments[0].scrollIntoView({block: "center"})', canvas)
    zoom = float(page.find_element('id', 'editor').text.split('%')[0].split()[-1]) / 100
    zoom *= display_shape((HEIGHT, WIDTH))[1] / WIDTH
    chain = ActionChains(page, duration=40)
    for i, (x, y) in enumerate(points):
        away = (int((x - WIDTH / 2) * zoom), int((y - HEIGHT / 2) * zoom))
        chain.move_to_element_with_offset(canvas, *away)
        if i == 0:
            chain.click_and_hold()
    chain.release().perform()
    time.sleep(0.5)


def draw_rough_disk(page):
    angle = np.linspace(0, 2 * np.pi, 13)
    draw(page, np.stack([160 + 58 * np.cos(angle), 120 + 56 * np.sin(angle)], axis=1))
    click(page, 'add')
    expect(page, '1 mask')


def archive_address(page):
    """Where the archive lies, once the page shows it."""
    found = []

    def look():
        found[:] = page.execute_script(
            'return [...document.querySelectorAll("#archive a")].map(a => a.href)'
        )
        return found

    wait_for(look, 20)
    return found[0]


def masks(page, server):
    """The label map of the archive that the page offers."""
    click(page, 'export')
    expect(page, 'Ready')
    archive, _ = urllib.request.urlretrieve(archive_address(page), server[1] / 'downloaded.zip')
    with zipfile.ZipFile(archive) as source, source.open('labels/disk.png') as file:
        return np.asarray(Image.open(file)) != 0


def iou_with_disk(mask):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disk = np.hypot(x - DISK[0], y - DISK[1]) <= DISK[2]
    return (mask & disk).sum() / (mask | disk).sum()


def test_draw_refine_slide_undo_download(page, server, files):
    open_disk(page, files)
    draw_rough_disk(page)
    drawn = masks(page, server)
    assert 0.5 < iou_with_disk(drawn) < 0.93
    click(page, 'refine')
    expect(page, '1 of 1 objects moved')
    best = masks(page, server)
    assert iou_with_disk(best) > 0.97

    slide = """
        const slider = document.querySelector("#step input[type=range]");
        if (!slider || slider.disabled) return false;
        slider.value = 2;
        return slider.dispatchEvent(new Event("input", {bubbles: true}));
    """
    wait_for(lambda: page.execute_script(slide), 20, lambda: page.find_element('id', 'tabs').text)
    expect(page, 'All objects at step 2')
    assert drawn.sum() < masks(page, server).sum() < best.sum()
    click(page, 'best')
    expect(page, 'best step')
    np.testing.assert_array_equal(masks(page, server), best)

    click(page, 'undo')
    expect(page, 'Taken back: the refinement')
    np.testing.assert_array_equal(masks(page, server), drawn)


def test_edges_are_shown(page, files):
    open_disk(page, files)
    open_accordions(page)
    click(page, 'find')
    expect(page, 'color gradient')
    wait_for(lambda: page.find_elements('css selector', '#edge-image img'), 20)


def test_bad_uploads_get_a_message_and_the_page_goes_on(page, files):
    for name, message in (
        ('text.jpg', 'cannot be read as image'),
        ('huge.png', 'million pixels'),
        ('tiny.png', 'at least 16'),
        ('cut.png', 'damaged'),
    ):
        upload(page, 'image-file', files / name)
        expect(page, message)
    for name, message in (('clear.png', 'on white'), ('deep.png', 'scaled to 8 bits')):
        upload(page, 'image-file', files / name)
        expect(page, message)
        page.find_element('css selector', '#image-file button[aria-label]').click()
    click(page, 'add')
    expect(page, 'Nothing is drawn')
    click(page, 'refine')
    expect(page, 'There is no mask')
    open_accordions(page)
    open_disk(page, files)
    upload(page, 'label-file', files / 'other_size.png')
    expect(page, '60 x 40 and the image')


def test_two_hundred_classes(page, files):
    open_accordions(page)
    box = page.find_element('css selector', '#class-text textarea')
    page.execute_script(
        'arguments[0].value = arguments[1];'
        'arguments[0].dispatchEvent(new Event("input", {bubbles: true}))',
        box,
        '\n'.join(f'kind {i}' for i in range(200)),
    )
    click(page, 'set-classes')
    expect(page, '200 classes')
    time.sleep(1)
    # The list shows a part of them; typing finds the others.
    page.find_element('css selector', '#class-name input').send_keys('\ue009a\ue000kind 199')
    shown = 'return [...document.querySelectorAll("[role=option]")].map(o => o.innerText.trim())'
    wait_for(lambda: any('kind 199' in text for text in page.execute_script(shown)), 20)


def test_tabs_do_not_share_masks(page, server):
    click(page, 'example-coins')
    expect(page, '8 masks')
    page.switch_to.new_window('tab')
    try:
        page.get(server[0])
        expect(page, 'Load an image')
        click(page, 'refine')
        expect(page, 'Load an image first')
    finally:
        page.close()
        page.switch_to.window(page.window_handles[0])
    click(page, 'refine')
    expect(page, '8 of 8 objects moved')
