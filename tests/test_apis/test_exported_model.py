"""Running exported models: without torch, and with input that cannot be used."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from rampose.apis import TopdownPredictor, engines
from rampose.apis.engines.onnxruntime_engine import OnnxRuntimeEngine
from rampose.apis.engines.openvino_engine import OpenVINOEngine
from rampose.core.model_info import FORMAT_VERSION, METADATA_KEY

SCRIPT = """
import sys
sys.path[:0] = [{packages!r}, {root!r}]
from rampose.apis import TopdownPredictor
keypoints, scores = TopdownPredictor({model!r})({image!r}, {bboxes!r})
loaded = {{name.split('.')[0] for name in sys.modules}}
assert not loaded & {{'torch', 'torchvision', 'mmcv', 'mmengine', 'mmdet', 'mmpose', 'PIL'}}, loaded
import json; print(json.dumps(keypoints.tolist()))
"""


def install_alone(folder: Path, *names: str) -> None:
    """Put the files of installed packages, and of no others, into a folder."""
    for name in names:
        for path in distribution(name).files:
            if path.parts[0] != '..':
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.link(path.locate(), target)
                except OSError:  # another disk
                    shutil.copyfile(path.locate(), target)


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_runs_where_there_are_only_numpy_opencv_and_one_engine(engine, onnx_model, openvino_model, root, tmp_path,
                                                               photo, bboxes, predictor):
    """In an interpreter without site-packages that sees these packages alone: not Pillow either, to read pictures."""
    packages = tmp_path / 'packages'
    install_alone(packages, 'numpy', 'opencv-python-headless', engine, 'openvino-telemetry')
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    code = SCRIPT.format(packages=str(packages), root=str(root), image=str(tmp_path / 'photo.png'), bboxes=bboxes,
                         model=str(onnx_model if engine == 'onnxruntime' else openvino_model))
    done = subprocess.run([sys.executable, '-I', '-S', '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), predictor(photo, bboxes)[0], atol=1e-3)


def test_the_run_time_imports_neither_torch_nor_openmmlab(root):
    code = ('import sys; import rampose.apis, rampose.apis.exported_model; '
            'print(sorted({name.split(".")[0] for name in sys.modules}))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    assert not {'torch', 'mmcv', 'mmengine', 'mmpose', 'mmdet'} & set(eval(done.stdout))


def with_metadata(source: Path, target: Path, text: str) -> Path:
    model = onnx.load(source)
    del model.metadata_props[:]
    if text:
        model.metadata_props.add(key=METADATA_KEY, value=text)
    onnx.save(model, target)
    return target


@pytest.mark.parametrize(('change', 'message'), [
    (None, 'does not say what it is'),
    ('{not json', 'has damaged metadata'),
    (dict(format_version=FORMAT_VERSION + 1, rampose_version='9.0'), r'was written by rampose 9\.0, in format 2'),
    (dict(codec=...), 'has metadata without codec'),
    (dict(std=None, codec=None), r'has damaged metadata \(nothing for std, codec\)'),
], ids=str)
def test_metadata_that_cannot_be_used(change, message, onnx_model, tmp_path):
    text = change or ''
    if isinstance(change, dict):
        stored = {prop.key: prop.value for prop in onnx.load(onnx_model).metadata_props}[METADATA_KEY]
        text = json.dumps({key: value for key, value in {**json.loads(stored), **change}.items() if value is not ...})
    for backend in ('onnxruntime', 'openvino'):
        with pytest.raises(ValueError, match=message):
            TopdownPredictor(with_metadata(onnx_model, tmp_path / 'model.onnx', text), backend=backend)


@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_files_that_are_no_models(suffix, tmp_path):
    path = tmp_path / f'model{suffix}'
    with pytest.raises(FileNotFoundError, match='no such file; rampose export writes one'):
        TopdownPredictor(path)
    path.touch()
    with pytest.raises(ValueError, match='it is empty'):
        TopdownPredictor(path)
    path.write_bytes(np.random.default_rng(0).bytes(1000))
    path.with_suffix('.bin').touch()
    with pytest.raises(ValueError, match='is no model that'):
        TopdownPredictor(path)


def test_openvino_weights_that_are_missing_or_cut(openvino_model, tmp_path):
    path = tmp_path / 'model.xml'
    path.write_bytes(openvino_model.read_bytes())
    with pytest.raises(FileNotFoundError, match=r'model\.bin is missing'):
        TopdownPredictor(path)
    path.with_suffix('.bin').write_bytes(openvino_model.with_suffix('.bin').read_bytes()[:1000])
    with pytest.raises(ValueError, match='is no model that OpenVINO can read'):
        TopdownPredictor(path)


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_an_engine_that_is_not_installed(engine, onnx_model, monkeypatch):
    monkeypatch.setitem(sys.modules, engine, None)
    with pytest.raises(ImportError, match=rf'{engine} is not installed: pip install numpy .*"{engine}>='):
        TopdownPredictor(onnx_model, backend=engine)


@pytest.mark.parametrize(('which', 'kwargs', 'message'), [
    ('onnx', dict(backend='tensorrt'), "got backend 'tensorrt'; needed is one of torch, onnxruntime, openvino"),
    ('onnx', dict(backend='torch'), 'is an exported model'),
    ('onnx', dict(checkpoint='x.pth'), 'it takes no checkpoint'),
    ('onnx', dict(compile=True), 'no compile'),
    ('onnx', dict(dtype='bfloat16'), 'ONNX Runtime computes as the model was exported, here in fp32'),
    ('onnx', dict(device='cuda'), 'this ONNX Runtime has no CUDA: pip install onnxruntime-gpu'),
    ('onnx', dict(device='cuda:x'), "got device 'cuda:x'"),
    ('onnx', dict(num_threads=0), 'got num_threads 0; needed is a whole number'),
    ('config', dict(checkpoint='x.pth', num_threads=2), 'num_threads is for exported models'),
    ('onnx', dict(device='tpu'), "got device 'tpu'"),
    ('xml', dict(backend='onnxruntime'), 'is a model for openvino'),
    ('xml', dict(device='cuda'), 'OpenVINO is used on cpu'),
    ('xml', dict(dtype='float16'), 'OpenVINO computes in float32 or bfloat16'),
    ('config', dict(), 'without a checkpoint; needed are a config and its checkpoint, or an exported model'),
    ('config', dict(checkpoint='x.pth', backend='openvino'), 'which runs what rampose export makes of it'),
])
def test_arguments_that_do_not_go_together(which, kwargs, message, onnx_model, openvino_model, pose_config):
    with pytest.raises(ValueError, match=message):
        TopdownPredictor(dict(onnx=onnx_model, xml=openvino_model, config=pose_config)[which], **kwargs)


@pytest.mark.parametrize('image', [np.zeros((20, 20, 3), np.float32), np.zeros((20, 20), np.uint8), 'nowhere.jpg'],
                         ids=['float', 'grey', 'missing'])
def test_pictures_that_cannot_be_used(image, onnx_model):
    with pytest.raises(ValueError, match=r'needed is \(h, w, 3\) uint8|cannot be read: no such file'):
        TopdownPredictor(onnx_model)(image, [[0, 0, 10, 10]])


def test_a_cpu_without_bfloat16_falls_back_and_says_so(openvino_model, monkeypatch, photo, bboxes):
    import openvino

    class OldCore(openvino.Core):

        def get_property(self, *args):
            return ['FP32', 'INT8'] if args == ('CPU', 'OPTIMIZATION_CAPABILITIES') else super().get_property(*args)

    monkeypatch.setattr(openvino, 'Core', OldCore)
    expected = TopdownPredictor(openvino_model)(photo, bboxes)[0]
    with pytest.warns(UserWarning, match='this CPU has no bfloat16: the model runs in float32'):
        predictor = TopdownPredictor(openvino_model, dtype='bfloat16')
    np.testing.assert_allclose(predictor(photo, bboxes)[0], expected, atol=1e-3)


@pytest.mark.skipif(sys.platform == 'win32', reason='no such signals')
def test_signals_are_handled_after_models_came_and_went(openvino_model):
    """OpenVINO's plugin leaves the thread that loads it without a stack for signals, if it is let."""
    code = f"""
import faulthandler, gc, os, signal
from rampose.apis import TopdownPredictor
faulthandler.enable()  # as pytest does
signal.signal(signal.SIGUSR1, lambda *_: print('handled', flush=True))
first, second = TopdownPredictor({str(openvino_model)!r}), TopdownPredictor({str(openvino_model)!r})
del first; gc.collect(); os.kill(os.getpid(), signal.SIGUSR1)
del second; gc.collect(); os.kill(os.getpid(), signal.SIGUSR1)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.split() == ['handled'] * 2, done.stderr


def test_the_engines_are_asked_for_by_name(onnx_model):
    assert isinstance(engines.open_engine(onnx_model, None), OnnxRuntimeEngine)
    assert isinstance(engines.open_engine(onnx_model, 'openvino'), OpenVINOEngine)


def test_pictures_are_read_without_pillow(photo, tmp_path, monkeypatch):
    from rampose.apis import UnreadableError
    from rampose.core import images
    monkeypatch.setattr(images, 'Image', None)
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    assert np.array_equal(images.read_image(tmp_path / 'photo.png'), photo)
    (tmp_path / 'text.png').write_text('text')
    (tmp_path / 'empty.png').touch()
    for name, reason in (('text.png', 'no image'), ('empty.png', 'empty'), ('missing.png', 'no such file')):
        with pytest.raises(UnreadableError, match=reason):
            images.read_image(tmp_path / name)


def test_a_predictor_does_not_survive_a_fork_and_goes_through_a_pickle(onnx_model, photo, bboxes):
    """A forked engine hangs; spawned processes get the predictor by its arguments."""
    predictor = TopdownPredictor(onnx_model, num_threads=1)
    expected, _ = predictor(photo, bboxes)
    child = os.fork()
    if not child:
        try:
            predictor(photo, bboxes)
        except RuntimeError as error:
            os._exit(0 if 'make one in each process' in str(error) else 3)
        os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predictor))(photo, bboxes)[0], expected)


@pytest.mark.parametrize('model', ['onnx_model', 'openvino_model'])
def test_many_crops_as_one_by_one(model, photo, bboxes, request):
    """Of several images and batches, in their order; from several threads, too."""
    predictor = TopdownPredictor(request.getfixturevalue(model), batch_size=3, num_threads=2)
    images = [photo[number:] for number in range(10)]
    boxes = [[bbox for bbox in bboxes[number % 3:] if bbox[3] <= 220] for number in range(10)]
    expected = [predictor(image, of_image) for image, of_image in zip(images, boxes)]
    with ThreadPoolExecutor(3) as threads:
        for results in threads.map(lambda _: predictor.predict(images, boxes), range(3)):
            for found, alone in zip(results, expected):
                np.testing.assert_allclose(found.keypoints, alone.keypoints, atol=1e-3)
                np.testing.assert_allclose(found.keypoint_scores, alone.keypoint_scores, atol=1e-5)


def test_a_file_that_changes_under_a_predictor(onnx_model, photo, bboxes, tmp_path):
    """Sessions are opened when they are needed: never of two different files."""
    path = tmp_path / 'model.onnx'
    shutil.copyfile(onnx_model, path)
    predictor = TopdownPredictor(path, flip_test=False)
    predictor(photo, bboxes[:1])
    path.write_bytes(path.read_bytes() + b' ')
    assert len(predictor(photo, bboxes[:1])[0]) == 1
    with pytest.raises(ValueError, match='was changed or removed after it was opened; open it again'):
        predictor(photo, bboxes)


def test_an_error_of_the_network_reaches_the_caller(onnx_model, photo, bboxes, monkeypatch):
    predictor = TopdownPredictor(onnx_model, batch_size=1)

    def fail(inputs):
        raise MemoryError('no more')

    with monkeypatch.context() as patch:
        patch.setattr(predictor.pose_model, 'run', fail)
        with pytest.raises(MemoryError, match='no more'):
            predictor(photo, bboxes)
    assert len(predictor(photo, bboxes)[0]) == len(bboxes)
