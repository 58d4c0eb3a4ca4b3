"""What `rampose app` costs: the time from a dropped photograph to its skeleton in the browser, and memory.

    python docs/app_load.py PHOTOS yolox_nano.onnx --number 200 --out app.json

Needs playwright and Chromium. Photographs are dropped one after another in one page; the time ends when the drawing of
that photograph is shown.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil


def measure(address, process, photos, number):
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
        page = browser.new_page(viewport=dict(width=1280, height=900))
        started = time.perf_counter()
        page.goto(address)
        page.wait_for_selector('#drawing img')
        report = dict(seconds_to_open=time.perf_counter() - started, megabytes=[], seconds=[])
        for count in range(number):
            shown = page.locator('#drawing img')
            before = shown.get_attribute('src') if shown.count() else ''
            started = time.perf_counter()
            page.locator('#image input[type=file]').set_input_files(photos[count % len(photos)])
            page.wait_for_function('before => { const shown = document.querySelector("#drawing img"); return shown && '
                                   'shown.src != before && shown.complete && shown.naturalWidth > 0 }', arg=before)
            report['seconds'].append(time.perf_counter() - started)
            page.locator('#image button[aria-label="Remove Image"]').click()
            page.wait_for_selector('#drawing img', state='detached')
            page.evaluate('document.querySelector("#image input[type=file]").value = ""')
            page.wait_for_timeout(50)
            if count % 20 == 19:
                report['megabytes'].append(round(process.memory_info().rss / 1e6))
        browser.close()
    return report


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('photos', type=Path)
    parser.add_argument('detector')
    parser.add_argument('--number', type=int, default=200)
    parser.add_argument('--out', type=Path)
    args = parser.parse_args()
    app = subprocess.Popen([sys.executable, '-m', 'rampose', 'app', '--no-browser', '--port', '0', '--detector',
                            args.detector], stdout=subprocess.PIPE, text=True)
    address = next(found[1] for line in app.stdout for found in [re.match(r'On (http\S+) -', line)] if found)
    try:
        numbers = measure(address, psutil.Process(app.pid), sorted(map(str, args.photos.glob('*.jpg'))), args.number)
    finally:
        app.terminate()
    times = sorted(numbers.pop('seconds'))
    numbers.update(photos=len(times), median_s=round(statistics.median(times), 3),
                   of_95_percent_s=round(times[int(0.95 * len(times))], 3))
    print(json.dumps(numbers))
    if args.out:
        args.out.write_text(json.dumps(numbers))
