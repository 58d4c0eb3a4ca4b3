"""`rampose compare` from the models' files to the report."""

import json
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from PIL import Image

from rampose.cli.main import main


@pytest.fixture(scope='module')
def labelled(tiny_sample, tmp_path_factory):
    """The sample's val split, one file with a name that is HTML."""
    folder = tmp_path_factory.mktemp('labelled')
    shutil.copytree(tiny_sample / 'val', folder / 'images')
    content = json.loads((tiny_sample / 'annotations/person_keypoints_val.json').read_text())
    first = content['images'][0]
    image = cv2.imread(str(folder / 'images' / first['file_name']))
    first['file_name'] = '<script>alert(1)<|script>.png'
    Image.fromarray(image[..., ::-1]).save(folder / 'images' / first['file_name'])
    (folder / 'labels.json').write_text(json.dumps(content))
    results = [dict(image_id=one['image_id'], category_id=1, score=1 - number / 1000,
                    keypoints=(np.array(one['keypoints']) + np.tile([3, 0, 0], 17) * (number % 3)).tolist())
               for number, one in enumerate(content['annotations']) if one['num_keypoints']]
    (folder / 'near.json').write_text(json.dumps(results))
    far = [dict(one, keypoints=(np.array(one['keypoints']) + np.tile([25, 0, 0], 17)).tolist()) for one in results]
    (folder / 'far.json').write_text(json.dumps(far))
    return folder


@pytest.fixture
def compare(labelled, tmp_path):
    def run(*arguments, out='out') -> int:
        return main(['compare', '--data', str(labelled / 'images'), str(labelled / 'labels.json'), '--resamples', '50',
                     '--out', str(tmp_path / out), *map(str, arguments)])
    return run


def test_results_of_other_programs(compare, labelled, tmp_path, capsys):
    assert compare(labelled / 'near.json', labelled / 'far.json') == 0
    assert 'near is better than far by ' in capsys.readouterr().out
    report = json.loads((tmp_path / 'out/comparison.json').read_text())
    (pair, ) = report['pairs']
    assert pair['models'] == ['near', 'far'] and pair['people']['lost'] == 0 < pair['people']['won']
    assert pair['metrics']['AP']['difference'] == pytest.approx(
        report['models']['near']['metrics']['AP']['value'] - report['models']['far']['metrics']['AP']['value'])
    page = (tmp_path / 'out/report.html').read_text()
    assert '<script>alert' not in page and '&lt;script&gt;alert' in page
    assert 'http://' not in page.replace('http://www.w3.org', '').replace('http://purl.org', '').replace(
        'http://creativecommons.org', ''), 'needs no network'
    assert page.count('<img ') == 2 * page.count('class="pair"') > 0
    assert '&lt;script' in (tmp_path / 'out/comparison.md').read_text() or 'script' not in (
        tmp_path / 'out/comparison.md').read_text()
    rows = (tmp_path / 'out/keypoints.csv').read_text().splitlines()
    assert len(rows) == 1 + 2 * 17 and rows[0].startswith('model,name,labelled,pck,median_px')


def test_a_rule_that_is_kept_and_one_that_is_not(compare, labelled, capsys):
    models = labelled / 'near.json', labelled / 'far.json'
    assert compare(*models, '--fail-below', 'near - far: AP >= 0') == 0
    assert compare(*models, '--fail-below', 'near - far: AP >= 0', 'far - near: AP >= -0.5') == 1
    assert 'not kept, beyond noise: far - near: AP >= -0.5' in capsys.readouterr().err
    assert compare(labelled / 'near.json', labelled / 'near.json', '--names', 'a', 'b', '--fail-below',
                   'a - b: AP >= 0') == 0, 'alike is not worse'


@pytest.mark.slow
def test_models_and_what_they_found_is_kept(compare, labelled, onnx_model, pose_config, pose_checkpoint, tmp_path,
                                            monkeypatch, capsys):
    """An exported model and its checkpoint are alike; a run that was cut off goes on where it was."""
    models = onnx_model, f'{pose_config}:{pose_checkpoint}', labelled / 'near.json'
    assert compare(*models, '--names', 'exported', 'eager', 'near', '--baseline', 'near') == 0
    report = json.loads((tmp_path / 'out/comparison.json').read_text())
    assert [pair['models'] for pair in report['pairs']] == [['exported', 'near'], ['eager', 'near']]
    of_both = [report['models'][name]['metrics']['AP']['value'] for name in ('exported', 'eager')]
    assert of_both[0] == pytest.approx(of_both[1], abs=0.01)
    facts = report['models']['eager']['facts']
    assert facts['parameters_m'] == 1.97 and facts['ms_a_person'] > 0 and len(facts['weights_sha256']) == 64

    kept = tmp_path / 'out/found/exported.jsonl'
    whole = kept.read_text()
    lines = whole.splitlines(keepends=True)
    kept.write_text(''.join(lines[:4]) + lines[4][:20])
    asked = []
    from rampose.apis.predictor import TopdownPredictor
    predict = TopdownPredictor.predict
    monkeypatch.setattr(TopdownPredictor, 'predict', lambda self, images, boxes: (
        asked.append(len(images)), predict(self, images, boxes))[1])
    monkeypatch.setattr('rampose.cli.compare._speeds', lambda *_: {})
    assert compare(onnx_model, labelled / 'near.json', '--names', 'exported', 'near') == 0
    assert len(asked) == len(lines) - 4 and kept.read_text() == whole
    asked.clear()
    assert compare(onnx_model, labelled / 'near.json', '--names', 'exported', 'near', '--no-flip-test') == 0
    assert len(asked) == len(lines) - 1, 'found otherwise before'


def test_calls_that_cannot_be_used(compare, labelled, tmp_path, capsys, pose_config):
    near = labelled / 'near.json'
    (tmp_path / 'other.json').write_text(json.dumps([dict(image_id=10**9, category_id=1, score=1, keypoints=[0] * 51)]))
    (tmp_path / 'few.json').write_text(json.dumps([dict(image_id=1, category_id=1, score=1, keypoints=[0] * 15)]))
    (tmp_path / 'text.json').write_text('{"a": 1}')
    for arguments, message in (
            ([near, near], 'two models are called near; tell them apart by --names A B'),
            ([near, '--names', 'a', 'b'], 'got 1 models and 2 --names'),
            ([near, tmp_path / 'nothing.json'], 'nothing.json: no such file'),
            ([near, tmp_path / 'other.json'], 'has no result of the labelled images and category 1'),
            ([near, tmp_path / 'few.json'], 'few.json has 5 keypoints a person, needed are 17'),
            ([near, tmp_path / 'text.json'], "text.json is not in COCO's format of keypoint results"),
            ([near, '--fail-below', 'near > far'], 'needed is "A - B: METRIC >= NUMBER"'),
            ([near, '--baseline', 'far'], 'got --baseline far; the models are near'),
            ([near, '--category', '7'], 'has the categories [1], not 7'),
            ([pose_config], 'without a checkpoint'),
            ([near, '--resamples', '3'], 'needed are at least 10')):
        assert compare(*arguments) == 2, arguments
        error = capsys.readouterr().err
        assert message in error and 'Traceback' not in error, (message, error)
    (labelled / 'images' / '<script>alert(1)<|script>.png').rename(tmp_path / 'away.png')
    try:
        assert compare(near) == 2
        assert 'lacks 1 of 8 images, such as <script>' in capsys.readouterr().err
    finally:
        shutil.move(tmp_path / 'away.png', labelled / 'images' / '<script>alert(1)<|script>.png')


def test_other_keypoints_are_compared_on_what_is_shared(labelled, tmp_path, capsys):
    """The packaged model's 14 keypoints and COCO's 17 share 12."""
    assert main(['compare', 'td-hm_ram-hrnet-w16-gpr_1xb16-40e_lspet-128x96', str(labelled / 'near.json'), '--data',
                 str(labelled / 'images'), str(labelled / 'labels.json'), '--resamples', '20', '--out',
                 str(tmp_path / 'out')]) == 0
    assert 'on the 12 of 17 keypoints that all models find: left_shoulder' in capsys.readouterr().err
    report = json.loads((tmp_path / 'out/comparison.json').read_text())
    assert len(report['keypoints']) == 12 and report['models']['near']['pck'] > 0.9


def test_boxes_of_a_detector_are_found_once(compare, labelled, onnx_model, tmp_path, monkeypatch):
    """By a made one that finds the same two boxes in every image."""
    from rampose.apis.detectors.exported import ExportedDetector
    asked = []
    monkeypatch.setattr(ExportedDetector, '__init__', lambda self, *args, **kwargs: None)
    monkeypatch.setattr(ExportedDetector, '__call__', lambda self, image: (
        asked.append(1), (np.array([[10., 10, 100, 200], [50, 20, 150, 220]]), np.array([0.9, 0.5])))[1])
    monkeypatch.setattr('rampose.lab.comparison.memory.memory_mb', lambda *_: 7)
    for _ in range(2):
        assert compare(onnx_model, '--detector', onnx_model) == 0
    assert len(asked) == 8
    report = json.loads((tmp_path / 'out/comparison.json').read_text())
    (model, ) = report['models'].values()
    assert model['facts']['memory_mb'] == 7 and model['found'] > 0
    assert compare(onnx_model, '--detector', onnx_model, '--boxes', labelled / 'labels.json') == 2


@pytest.mark.slow
def test_memory_is_that_of_a_process(onnx_model):
    from rampose.lab.comparison.memory import memory_mb
    assert 50 < memory_mb(str(onnx_model), dict(device='cpu')) < 4000
    assert memory_mb('nothing.onnx', {}) is None


BROWSER = shutil.which('chromium') or shutil.which('google-chrome')
# Clicks on the second column's head of the first table, twice, and writes what a reader sees then into the title.
CLICKS = """<script>addEventListener('load', () => {
  const table = document.querySelector('table'), head = table.tHead.rows[0].cells[1].firstElementChild;
  const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent).join('>');
  const seen = [];
  for (let i = 0; i < 2; i++) { head.click(); seen.push(names() + ' ' + head.parentElement.getAttribute('aria-sort')); }
  document.title = seen.join('; ') + '; images ' + [...document.images].every(image => image.naturalWidth > 0);
});</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason='no chromium')
def test_the_report_in_a_browser(compare, labelled, tmp_path):
    assert compare(labelled / 'far.json', labelled / 'near.json') == 0
    page = tmp_path / 'out/report.html'
    page.write_text(page.read_text().replace('</body>', CLICKS + '</body>'))
    done = subprocess.run(
        [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', f'--user-data-dir={tmp_path / "browser"}', '--dump-dom',
         page.as_uri()], capture_output=True, text=True, timeout=120)
    title = done.stdout[done.stdout.index('<title>') + 7:done.stdout.index('</title>')]
    assert title == 'near&gt;far descending; far&gt;near ascending; images true'
    assert '<script>alert' not in done.stdout
