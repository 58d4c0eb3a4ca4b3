"""Results in other tools' formats, read back."""

import csv
import json
from importlib.util import find_spec

import numpy as np
import pytest
import yaml
from pycocotools.coco import COCO

from rampose.cli.main import main
from rampose.core.pose_result import PoseResult
from rampose.prediction.folder import ResultFolder
from rampose.prediction.formats import BODY_25, FORMATS, convert_results
from rampose.prediction.inputs import Source
from rampose.prediction.records import as_instances

ODD = 'Grüße, "zwei" <script>.png'


@pytest.fixture
def results(tmp_path, predictor):
    """An image with two people, one without anybody, and two frames of a film."""
    rng = np.random.default_rng(0)
    folder = ResultFolder(tmp_path / 'out', {}, predictor.dataset_meta, resume=False)

    def add(name, people, frame_id=None, **more):
        source = Source(f'/photos/{name}', name, 'picture' if frame_id is None else 'video')
        scores = np.linspace(0.1, 0.9, 17) * np.ones((people, 1))
        result = PoseResult(rng.uniform(10, 90, (people, 17, 2)), scores, np.tile([5., 6., 95., 96.], (people, 1)),
                            track_ids=None if frame_id is None else np.arange(people) + 3)
        folder.add(dict(input=source.path, name=name, frame_id=frame_id, width=200, height=100, image_id=None,
                        instances=as_instances(result), **more))

    add(ODD, 2)
    add('empty.jpg', 0)
    for number in range(2):
        add('sub/film.mp4', 1, number, time=number / 10)
    folder.finish()
    folder.close()
    return tmp_path / 'out'


def records(results):
    return [json.loads(line) for line in (results / 'frames.jsonl').read_text().splitlines()]


def test_coco(results):
    coco = COCO(str(convert_results(results, ['coco'])[0]))
    assert [image['file_name'] for image in coco.imgs.values()] == [ODD, 'empty.jpg', 'sub/film.mp4', 'sub/film.mp4']
    assert [len(coco.imgToAnns[image_id]) for image_id in coco.imgs] == [2, 0, 1, 1]
    first, person = coco.anns[1], records(results)[0]['instances'][0]
    labelled = np.array(first['keypoints']).reshape(17, 3)
    assert (labelled[:, 2] == np.where(np.linspace(0.1, 0.9, 17) >= 0.3, 2, 0)).all() and first['num_keypoints'] == 13
    np.testing.assert_array_equal(labelled[4:, :2], person['keypoints'][4:])
    assert first['bbox'] == [5, 6, 90, 90] and first['area'] == 8100 and coco.anns[3]['track_id'] == 3
    assert coco.cats[1]['keypoints'][0] == 'nose' and list(coco.imgs.values())[3]['time'] == 0.1


def test_csv(results):
    wide, long = convert_results(results, ['csv', 'csv-long'])
    rows = list(csv.DictReader(wide.open(encoding='utf-8', newline='')))
    assert [row['name'] for row in rows] == [ODD, ODD, 'sub/film.mp4', 'sub/film.mp4']
    person = records(results)[3]['instances'][0]
    assert (rows[3]['frame'], rows[3]['time'], rows[3]['track'], rows[1]['person']) == ('1', '0.1', '3', '1')
    assert [float(rows[3]['nose_x']), float(rows[3]['nose_y'])] == person['keypoints'][0]
    points = list(csv.DictReader(long.open(encoding='utf-8', newline='')))
    assert len(points) == 4 * 17 and points[-1]['keypoint'] == 'right_ankle'
    assert float(points[-1]['score']) == person['keypoint_scores'][-1]


def test_parquet(results, monkeypatch):
    parquet = pytest.importorskip('pyarrow.parquet')
    monkeypatch.setattr('rampose.prediction.formats.ROWS_A_GROUP', 2)
    path, wide = convert_results(results, ['parquet', 'csv'])
    table = parquet.read_table(path)
    assert parquet.ParquetFile(path).num_row_groups > 1
    rows, expected = table.to_pylist(), list(csv.DictReader(wide.open(encoding='utf-8', newline='')))
    assert table.column_names == list(expected[0]) and len(rows) == len(expected) == 4
    for row, of_csv in zip(rows, expected):
        for name, value in row.items():
            of_csv[name] = None if of_csv[name] == '' else type(value)(of_csv[name])
            assert value == (pytest.approx(of_csv[name], rel=1e-6) if isinstance(value, float) else of_csv[name])


def test_an_empty_parquet(results):
    parquet = pytest.importorskip('pyarrow.parquet')
    lines = [json.dumps(dict(record, instances=[])) for record in records(results)]
    (results / 'frames.jsonl').write_text('\n'.join(lines))
    table = parquet.read_table(convert_results(results, ['parquet'])[0])
    assert table.num_rows == 0 and 'nose_x' in table.column_names


def test_supervision_draws_a_result(photo):
    supervision = pytest.importorskip('supervision')
    rng = np.random.default_rng(0)
    result = PoseResult(rng.uniform(20, 200, (2, 17, 2)), np.ones((2, 17)), np.tile([5., 6., 95., 96.], (2, 1)),
                        track_ids=np.array([3, 4]), covariances=np.tile(np.eye(2) * 9, (2, 17, 1, 1)))
    points = result.to_supervision()
    np.testing.assert_allclose(points.xy, result.keypoints, rtol=1e-6)
    assert points.data['track_id'].tolist() == [3, 4] and len(points[1:]) == 1
    drawn = supervision.VertexAnnotator(radius=4).annotate(photo.copy(), points)
    for x, y in result.keypoints[0]:
        assert (drawn[int(y), int(x)] != photo[int(y), int(x)]).any()
    nobody = PoseResult(np.zeros((0, 17, 2)), np.zeros((0, 17)), np.zeros((0, 4))).to_supervision()
    np.testing.assert_array_equal(supervision.VertexAnnotator().annotate(photo.copy(), nobody), photo)


def test_yolo_pose(results):
    folder, = convert_results(results, ['yolo-pose'])
    assert yaml.safe_load((folder / 'data.yaml').read_text())['kpt_shape'] == [17, 3]
    labels = folder / 'labels'
    assert (labels / 'empty.txt').read_text() == '' and (labels / 'sub/film_000001.txt').is_file()
    values = np.loadtxt(labels / ODD.replace('.png', '.txt'))
    assert values.shape == (2, 5 + 17 * 3)
    np.testing.assert_allclose(values[0, :5], [0, 0.25, 0.51, 0.45, 0.9])
    np.testing.assert_allclose(values[0, -3:], [*np.divide(
        records(results)[0]['instances'][0]['keypoints'][-1], (200, 100)), 2], rtol=1e-5)


def test_openpose(results):
    folder, = convert_results(results, ['openpose'])
    assert {path.relative_to(folder).as_posix() for path in folder.rglob('*.json')} == {
        ODD.replace('.png', '_keypoints.json'), 'empty_keypoints.json', 'sub/film_000000000000_keypoints.json',
        'sub/film_000000000001_keypoints.json'}
    (person, ) = json.loads((folder / 'sub/film_000000000001_keypoints.json').read_text())['people']
    points = np.array(person['pose_keypoints_2d']).reshape(25, 3)
    found = np.array(records(results)[3]['instances'][0]['keypoints'])
    np.testing.assert_allclose(points[0, :2], found[0])
    np.testing.assert_allclose(points[1, :2], found[[5, 6]].mean(axis=0), atol=1e-3)  # the neck
    np.testing.assert_allclose(points[4, :2], found[10])  # the right wrist
    assert (points[19:] == 0).all() and len(BODY_25) == 25 and person['person_id'] == [3]


def test_label_studio(results):
    tasks = json.loads(convert_results(results, ['label-studio'])[0].read_text())
    assert [len(task['predictions'][0]['result']) for task in tasks] == [2 * 14, 0, 14, 14]
    box, point = tasks[0]['predictions'][0]['result'][:2]
    assert box['value'] == dict(x=2.5, y=6, width=45, height=90, rectanglelabels=['person'])
    assert point['type'] == 'keypointlabels' and point['parentID'] == box['id'] and point['original_width'] == 200
    assert tasks[0]['data']['image'] == ODD


def test_the_command(results, tmp_path, capsys):
    formats = [name for name in FORMATS if name != 'parquet' or find_spec('pyarrow')]
    assert main(['results', str(results), '--to', *formats, '--out', str(tmp_path / 'other')]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(formats)
    for arguments, message in (
            ([str(results), '--to', 'xml'], "got format 'xml'; known are coco, csv, csv-long, parquet, yolo-pose"),
            ([str(tmp_path), '--to', 'csv'], 'holds no finished results of `rampose predict`')):
        assert main(['results', *arguments]) == 2
        assert message in capsys.readouterr().err


def test_nothing_half_written_is_left(results):
    """A record that cannot be written ends it; what stood there before stays."""
    path, = convert_results(results, ['csv'])
    before = path.read_text()
    lines = (results / 'frames.jsonl').read_text().splitlines()
    lines[3] = lines[3].replace('"bbox":', '"box":')
    (results / 'frames.jsonl').write_text('\n'.join(lines))
    with pytest.raises(KeyError):
        convert_results(results, ['csv'])
    assert path.read_text() == before and not list(results.glob('.rampose-part-*'))


def test_names_and_keypoints_that_a_format_does_not_take(results):
    content = json.loads((results / 'images.json').read_text())
    content['categories'][0]['keypoints'] = [f'point{k}' for k in range(17)]
    (results / 'images.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match="openpose needs COCO's keypoints; the model has no left_shoulder"):
        convert_results(results, ['openpose'])
    lines = (results / 'frames.jsonl').read_text().replace('empty.jpg', ODD.replace('.png', '.jpg').replace('"', '\\"'))
    (results / 'frames.jsonl').write_text(lines)
    with pytest.raises(ValueError, match='two images are called .* but for their suffix'):
        convert_results(results, ['yolo-pose'])
