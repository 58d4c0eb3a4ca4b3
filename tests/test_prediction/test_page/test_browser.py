"""The page as people meet it, in Chromium: `make test-page`. Screenshots go to $RAMPOSE_SCREENSHOTS where it is set."""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.long
pytest.importorskip('gradio')
sync_api = pytest.importorskip('playwright.sync_api')
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
if CHROMIUM is None:
    pytest.skip('there is no Chromium (apt-get install chromium)', allow_module_level=True)
from rampose.checkpoints.zoo import all_weights, default_name  # noqa: E402

from .conftest import App  # noqa: E402

RAM_MODEL = next(weights.name for weights in all_weights() if 'ram-hrnet' in weights.name)
S = 1000  # ms


@pytest.fixture(scope='module')
def browser():
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[
            '--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'])
        yield launched
        launched.close()


@pytest.fixture(scope='module')
def duo(tmp_path_factory):
    """Two models, in PyTorch, and a detector where there is one."""
    detector = Path(os.environ.get('RAMPOSE_TEST_MODELS', '/nowhere')) / 'yolox_nano.onnx'
    running = App(['--model', default_name(), '--model', RAM_MODEL, '--attention', '--detector',
                   str(detector) if detector.is_file() else 'none', '--max-mb', '20', '--max-film-mb', '20'],
                  tmp_path_factory.mktemp('duo'))
    yield running
    running.close()


@pytest.fixture
def visit(browser):
    """Opens a page; what it asks from elsewhere than this machine is refused, and noted."""
    contexts = []

    def open_page(app, path='/', **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.elsewhere, page.problems = [], []

        def route(request):
            local = '127.0.0.1' in request.request.url
            page.elsewhere += [] if local else [request.request.url]
            return request.continue_() if local else request.abort()

        page.route('**/*', route)
        page.on('pageerror', lambda error: page.problems.append(str(error)))
        page.goto(app.address + path)
        page.wait_for_selector('#drawing img', timeout=60 * S)
        return page

    yield open_page
    for context in contexts:
        context.close()


def message(page) -> str:
    return page.locator('#message').inner_text()


def drawing(page) -> str:
    """The address of what is drawn, which changes with it."""
    return page.locator('#drawing img').get_attribute('src')


def wait(page, condition, seconds=30):
    for _ in range(seconds * 10):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f'not within {seconds} s; the page says {message(page)!r}')


def upload(page, path, part='#image'):
    page.locator(f'{part} input[type=file]').set_input_files(str(path))


def picture(tmp_path, image, name='mine.png') -> Path:
    path = tmp_path / name
    cv2.imwrite(str(path), image)
    return path


def point_at(page, x, y) -> None:
    """Click the drawing, at shares of its sides."""
    shown = page.locator('#drawing img')
    shown.scroll_into_view_if_needed()
    place = shown.bounding_box()
    shown.click(position=dict(x=x * place['width'], y=y * place['height']))


def keep(page, name, **options) -> None:
    folder = os.environ.get('RAMPOSE_SCREENSHOTS')
    if folder:
        page.screenshot(path=str(Path(folder) / f'{name}.png'), **options)


def test_it_opens_at_once_with_an_example_and_asks_nobody(app, visit):
    page = visit(app, viewport=dict(width=1280, height=900))
    assert message(page) == '2 people in 640x480 px.'
    keep(page, 'open')
    assert page.elsewhere == [] and page.problems == []


def test_an_upload_and_live_settings(app, visit, tmp_path, example):
    page = visit(app)
    before = drawing(page)
    upload(page, picture(tmp_path, cv2.resize(example[0], (800, 600))))
    wait(page, lambda: '800x600' in message(page) and drawing(page) != before)
    assert page.locator('#person input').count() == 2  # without a detector, everybody and one person
    for change in (lambda: page.locator('#threshold input[type=number]').fill('0.95'),
                   lambda: page.locator('#width input[type=number]').fill('3'),
                   lambda: page.locator('#show-boxes input').uncheck()):
        before = drawing(page)
        change()
        wait(page, lambda: drawing(page) != before, 10)  # noqa: B023
    page.locator('#image button[aria-label="Remove Image"]').click()
    wait(page, lambda: page.locator('#drawing img').count() == 0 and message(page) == '')
    assert page.problems == []


def test_the_camera_and_the_clipboard(duo, visit):
    page = visit(duo, permissions=['camera', 'clipboard-read', 'clipboard-write'])
    part = page.locator('#image')
    part.locator('button[aria-label="Capture from camera"]').click()
    part.get_by_text('access webcam').click()
    page.wait_for_function('() => { const film = document.querySelector("#image video"); '
                           'return film && film.readyState >= 2 && film.videoWidth > 0 }')
    part.locator('button[aria-label="capture photo"]').click()
    wait(page, lambda: '640x480' not in message(page))
    part.locator('button[aria-label="Remove Image"]').click()
    page.evaluate('''async () => { const canvas = document.createElement('canvas'); canvas.width = 300;
        canvas.height = 200; canvas.getContext('2d').fillRect(0, 0, 50, 50);
        const blob = await new Promise(done => canvas.toBlob(done));
        await navigator.clipboard.write([new ClipboardItem({'image/png': blob})]) }''')
    part.locator('button[aria-label="Paste from clipboard"]').click()
    wait(page, lambda: '300x200' in message(page))


def test_boxes_are_drawn_and_corrected(app, visit):
    page = visit(app)
    page.locator('#click input').nth(1).check()
    point_at(page, 0.1, 0.15)
    wait(page, lambda: 'A corner at' in message(page))
    point_at(page, 0.5, 0.98)
    wait(page, lambda: '3 people' in message(page))
    page.locator('#boxes-part button').first.click()
    page.locator('#whole').click()
    wait(page, lambda: '1 person' in message(page))
    cell = page.locator('#boxes [role=gridcell]').first
    cell.dblclick()
    page.keyboard.press('Control+a')
    page.keyboard.type('100')
    page.keyboard.press('Enter')
    page.locator('#take-boxes').click()
    page.locator('#take-away button').first.click()
    wait(page, lambda: '[[100.0, 0.0, 640.0, 480.0]]' in page.locator('#python').inner_text().replace('\n', ''))


def test_a_person_by_a_click_or_by_keys(app, visit):
    page = visit(app)
    point_at(page, 0.28, 0.5)
    wait(page, lambda: page.locator('#heatmaps img').count() and page.locator('#alone img').count())
    assert page.locator('#person input').nth(1).is_checked() and 'left_wrist' in page.locator('#keypoints').inner_text()
    keep(page, 'person', full_page=True)
    page.locator('#person input').nth(1).focus()
    before = page.locator('#alone img').get_attribute('src')
    page.keyboard.press('Tab')
    page.keyboard.press('Space')
    wait(page, lambda: page.locator('#alone img').get_attribute('src') != before)
    assert page.locator('#person input').nth(2).is_checked()


def test_the_keyboard_alone_gets_everywhere(app, visit):
    page = visit(app)
    reached = set()
    for _ in range(60):
        page.keyboard.press('Tab')
        reached |= set(page.evaluate('''() => { const ids = []; let at = document.activeElement;
            while (at) { if (at.id) ids.push(at.id); at = at.parentElement } return ids }'''))
    assert {'image', 'person', 'threshold', 'width', 'show-boxes', 'click', 'boxes-part', 'details',
            'take-away'} <= reached


def test_files_are_taken_away_and_read_back(app, visit, tmp_path):
    page = visit(app)
    page.locator('#take-away button').first.click()
    page.locator('#make').click()
    page.wait_for_selector('#files a', timeout=30 * S)
    names = [link.get_attribute('download') for link in page.locator('#files a[download]').all()]
    assert {'example_keypoints.json', 'annotations.json', 'people.csv', 'example_drawn.png'} <= set(names)
    with page.expect_download() as download:
        page.locator('#files a[download="example_keypoints.json"]').first.click()
    record = json.loads(Path(download.value.path()).read_text())
    assert len(record['instances']) == 2 and record['keypoints'][0] == 'nose' and record['made_by']['rampose']
    assert 'rampose predict' in page.locator('#shell').inner_text()


def test_two_models_side_by_side(duo, visit):
    page = visit(duo, viewport=dict(width=1280, height=900))
    assert page.locator('#slider img').count() == 2
    before = drawing(page)
    page.locator('#model input').nth(1).check()
    wait(page, lambda: drawing(page) != before)
    page.locator('#person input').nth(1).check()
    wait(page, lambda: page.locator('#attention img').count() == 1, 60)
    assert 'top_head' in page.locator('#keypoints').inner_text()
    page.wait_for_timeout(500)
    keep(page, 'compare', full_page=True)


def test_a_film_is_drawn_and_plays(duo, visit, film):
    page = visit(duo, viewport=dict(width=1280, height=900))
    page.get_by_role('tab', name='Film').click()
    upload(page, film, '#film')
    page.wait_for_selector('#film video', timeout=30 * S)
    page.locator('#start').click()
    wait(page, lambda: '40 frames' in page.locator('#progress').inner_text()
         and 'left' not in page.locator('#progress').inner_text(), 120)
    page.wait_for_selector('#drawn-film video', timeout=30 * S)
    page.evaluate('document.querySelector("#drawn-film video").play()')
    wait(page, lambda: page.evaluate('document.querySelector("#drawn-film video").currentTime') > 0.2)
    keep(page, 'film')


def test_a_film_is_stopped(duo, visit, tmp_path, example):
    path = tmp_path / 'long.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 20., (320, 240))
    image = cv2.resize(example[0], (320, 240))
    for number in range(1500):
        writer.write(np.roll(image, number, axis=1))
    writer.release()
    page = visit(duo)
    page.get_by_role('tab', name='Film').click()
    upload(page, path, '#film')
    page.wait_for_selector('#film video', timeout=30 * S)
    page.locator('#start').click()
    wait(page, lambda: ' of 1500 frames' in page.locator('#progress').inner_text())
    page.locator('#stop').click()
    wait(page, lambda: 'It was stopped there.' in page.locator('#progress').inner_text())
    assert page.locator('#drawn-film video').count() == 1


def test_a_playlist_is_no_film(app, visit, tmp_path):
    page = visit(app)
    (tmp_path / 'list.mp4').write_text('#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n')
    page.get_by_role('tab', name='Film').click()
    upload(page, tmp_path / 'list.mp4', '#film')
    page.wait_for_selector('#film video', timeout=30 * S)
    page.locator('#start').click()
    wait(page, lambda: 'list.mp4 is no film of a kind that is known' in page.locator('#progress').inner_text())


@pytest.mark.parametrize(('name', 'content', 'text'), [
    ('evil.svg', b'<svg xmlns="http://www.w3.org/2000/svg"><script>document.title="owned"</script></svg>', 'no image'),
    ('broken.png', b'\x89PNG\r\n\x1a\nbroken', 'cannot be read'),
    ('large.png', b'\x89PNG\r\n\x1a\n' + b'\0' * 3_000_000, 'The file has 3 MB; at most 2 are taken')],
    ids=['svg', 'broken', 'large'])
def test_a_bad_file_is_told_and_the_next_one_works(app, visit, tmp_path, example, name, content, text):
    page = visit(app)
    (tmp_path / name).write_bytes(content)
    upload(page, tmp_path / name)
    wait(page, lambda: text in message(page) or text in page.locator('body').inner_text(), 20)
    if name == 'broken.png':
        keep(page, 'bad-file')
    assert page.title() == 'rampose' and page.elsewhere == []
    page.locator('#image button[aria-label="Remove Image"]').click()
    upload(page, picture(tmp_path, cv2.resize(example[0], (500, 400))))
    wait(page, lambda: '500x400' in message(page))


def test_two_visitors_see_their_own(app, visit, tmp_path, example):
    pages = [visit(app), visit(app)]
    for number, page in enumerate(pages):
        upload(page, picture(tmp_path, cv2.resize(example[0], (500 + number, 400)), f'{number}.png'))
    for number, page in enumerate(pages):
        wait(page, lambda: f'{500 + number}x400' in message(page))  # noqa: B023
    wait(pages[0], lambda: drawing(pages[0]) != drawing(pages[1]))


@pytest.mark.parametrize('theme', ['light', 'dark'])
@pytest.mark.parametrize('width', [390, 1280])
def test_every_screen_and_theme_is_accessible(app, visit, theme, width):
    axe = pytest.importorskip('axe_playwright_python.sync_playwright')
    page = visit(app, f'/?__theme={theme}', viewport=dict(width=width, height=844))
    point_at(page, 0.28, 0.5)
    wait(page, lambda: page.locator('#heatmaps img').count() == 1)
    page.wait_for_timeout(500)
    if width == 390 or theme == 'dark':
        keep(page, f'{theme}-{width}')
    assert page.evaluate('document.documentElement.scrollWidth') <= width  # nothing to scroll sideways
    found = axe.Axe().run(page).response['violations']
    serious = [(one['id'], [node['html'][:150] for node in one['nodes'][:3]]) for one in found
               if one['impact'] in ('serious', 'critical')]
    assert serious == []
