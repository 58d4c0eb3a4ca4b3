"""Exporting a trained pose estimator to ONNX or OpenVINO."""

import contextlib
import logging
import os
import tempfile
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, Optional, Tuple, Union

import cv2
import numpy as np
import torch
from mmengine import Config

from ..apis.exported_model import ExportedPoseModel
from ..apis.torch_model import load_estimator
from ..core.decoding import decode
from ..core.files import part_prefix, remove_parts
from ..core.model_info import METADATA_KEY, ModelInfo
from ..core.package import how_to_install
from .calibration import read_crops
from .compression import halve_weights, quantize_weights
from .description import describe
from .folding import fold
from .network import ExportedNetwork
from .quantization import left_in_float, quantize

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml'}
PRECISIONS = {'onnx': ('fp32', 'fp16', 'int8'), 'openvino': ('fp32', 'fp16', 'bf16', 'int8')}
# How far what comes out may be from eager PyTorch, as a share of its largest value. Rounding errors of the number of
# bits that a format keeps, over some hundred layers; int8's are what a network not trained for it may lose.
TOLERANCES = {'fp32': 1e-4, 'fp16': 2e-2, 'bf16': 1e-1, 'int8': 5e-1}
TYPICAL_PEAK = 0.1  # of heatmaps; where noise excites a network less, its errors are still those of people
NUM_CHECKED = 4  # crops
NUM_SHIFTED = 32  # crops of people, whose keypoints are compared, too


class ExportError(RuntimeError):
    """An export that differs too much from what it was made from, and was not kept."""


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how it compares.

    Attributes:
        path: The model.
        num_bytes: Its size, weights included.
        info: What it says of itself.
        difference: Largest difference from eager PyTorch, of heatmaps or, where keypoints come out, of scores.
        tolerance: More would have been too much.
        shift: Mean and largest distance between its keypoints and eager PyTorch's on crops of people, px of the crop;
            None where there are no such crops, which int8 alone has.
    """
    path: Path
    num_bytes: int
    info: ModelInfo
    difference: float
    tolerance: float
    shift: Optional[Tuple[float, float]] = None


def export(config: Union[str, Path, Config],
           checkpoint: Union[str, Path],
           out: Union[str, Path],
           format: str = 'onnx',
           precision: str = 'fp32',
           inputs: str = 'normalized',
           outputs: str = 'heatmaps',
           flip_test: bool = False,
           calibrate: Optional[Tuple[Union[str, Path], Union[str, Path]]] = None,
           num_calibrate: int = 300,
           thorough: bool = True,
           half_weights: bool = False,
           int8_weights: bool = False,
           on_step: Callable[[str], None] = lambda text: None) -> ExportReport:
    """Export a pose estimator, run what was written, and compare it with eager PyTorch.

    Args:
        config: A top-down config with heatmaps: ours, MMPose's HRNet, SimpleBaseline.
        checkpoint: Its weights.
        out: Folder for ``model.onnx``, or ``model.xml`` and ``model.bin``.
        format: 'onnx' or 'openvino'.
        precision: 'fp32', 'fp16', 'bf16' (OpenVINO) or 'int8'.
        inputs: 'normalized' for ``(B, 3, h, w)`` float32, 'uint8' for ``(B, h, w, 3)`` BGR.
        outputs: 'heatmaps' for ``(B, K, H, W)``, 'keypoints' for ``(B, K, 2)`` in crop px and scores ``(B, K)``.
        flip_test: Make averaging with the mirrored crops part of the model.
        calibrate: For int8: a folder of pictures like those that will be seen, and a JSON file of boxes in it.
        num_calibrate: Calibrate on so many people, at most.
        thorough: For int8: correct the biases of one layer after another, which takes minutes and halves the loss.
        half_weights: For ONNX in fp32: store the weights as fp16, for half the file; it computes in fp32.
        int8_weights: Likewise as int8, for a quarter of the file.
        on_step: Told what is done next.

    Returns:
        What was written.

    Raises:
        ExportError: It differs too much; nothing is left behind.
        FileNotFoundError: No such config or checkpoint.
        CheckpointError: The checkpoint is broken, or another model's.
        ImportError: A package that exporting needs is not installed.
        ValueError: Something that cannot be exported, by name.
    """
    _check_choices(format, precision, inputs, outputs, calibrate)
    if half_weights and int8_weights:
        raise ValueError('got half_weights and int8_weights; needed is one of them')
    if (half_weights or int8_weights) and (format, precision) != ('onnx', 'fp32'):
        which = 'half_weights' if half_weights else 'int8_weights'
        raise ValueError(f'got {which} for {format} in {precision}; it is for onnx in fp32')
    on_step('loading')
    model, steps = load_estimator(config, checkpoint)
    info = describe(model, steps, precision, inputs, outputs, flip_test)
    calibration = read_crops(info, calibrate[0], calibrate[1], num_calibrate) if calibrate else None
    eager = ExportedNetwork(model, info).eval()
    folded = ExportedNetwork(fold(model), info, half=format == 'onnx' and precision == 'fp16').eval()

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    target = out / f'model{SUFFIXES[format]}'
    remove_parts(out)  # of exports that were killed
    with tempfile.TemporaryDirectory(prefix=part_prefix(), dir=out) as folder, _quiet():
        path = Path(folder) / target.name
        onnx_path = Path(folder) / 'model.onnx'
        on_step('writing ONNX')
        _write_onnx(folded, info, onnx_path)
        if half_weights:
            halve_weights(onnx_path)
        if int8_weights:
            quantize_weights(onnx_path)
        if precision == 'int8':
            on_step(f'choosing ranges for int8 on {0 if calibration is None else len(calibration)} crops')
        if format == 'openvino':
            _write_openvino(onnx_path, info, path, calibration, thorough)
        elif precision == 'int8':
            _quantize_onnx(onnx_path, info, calibration, thorough)
        on_step('comparing with eager PyTorch')
        difference, largest, shift = _compare(path, info, eager, calibration)
        coarsest = 'fp16' if half_weights else 'int8' if int8_weights else precision
        tolerance = TOLERANCES[coarsest] * max(largest, TYPICAL_PEAK)
        if not difference <= tolerance:  # NaN, too
            raise ExportError(f'the {precision} export differs from eager PyTorch by {difference:.2g}, where '
                              f'{tolerance:.2g} was to be expected of values up to {largest:.2g}; it was not kept')
        num_bytes = 0
        if format == 'openvino':  # at no time does a description lie beside the weights of another
            target.unlink(missing_ok=True)
        for suffix in ('.bin', '.xml') if format == 'openvino' else ('.onnx', ):
            written = path.with_suffix(suffix)
            num_bytes += written.stat().st_size
            os.replace(written, target.with_suffix(suffix))
    return ExportReport(target, num_bytes, info, difference, tolerance, shift)


def _check_choices(format: str, precision: str, inputs: str, outputs: str, calibrate: Optional[tuple]) -> None:
    for value, choices in ((inputs, ('normalized', 'uint8')), (outputs, ('heatmaps', 'keypoints'))):
        if value not in choices:
            raise ValueError(f'got {value!r}; needed is one of {", ".join(choices)}')
    if format not in PRECISIONS:
        raise ValueError(f'got format {format!r}; needed is one of {", ".join(PRECISIONS)}')
    if precision not in PRECISIONS[format]:
        raise ValueError(f'got precision {precision!r}; {format} takes {", ".join(PRECISIONS[format])}' +
                         ' (bf16: --format openvino)' * (precision == 'bf16'))
    if precision == 'int8' and not calibrate:
        raise ValueError('int8 needs pictures of people to choose its ranges by: give calibrate=(images, boxes)')
    check_installed(format, precision)


def check_installed(format: str = 'onnx', precision: str = 'fp32') -> None:
    """Raise ImportError where torch is too old to export, or a package is missing."""
    if tuple(int(number) for number in torch.__version__.split('+')[0].split('.')[:2]) < (2, 5):
        raise ImportError(f'exporting needs torch >= 2.5; here is {torch.__version__}')
    needed = ['onnx', 'onnxscript', 'onnxruntime' if format == 'onnx' else 'openvino']
    for package in [*needed, 'nncf'] if precision == 'int8' else needed:
        if find_spec(package) is None:
            raise ImportError(f'exporting to {format} in {precision} needs {package}: {how_to_install("export")}')


def _write_onnx(network: ExportedNetwork, info: ModelInfo, path: Path) -> None:
    w, h = info.input_size
    example = (torch.zeros(2, h, w, 3, dtype=torch.uint8) if info.inputs == 'uint8' else torch.zeros(2, 3, h, w))
    names = ['heatmaps'] if info.outputs == 'heatmaps' else ['keypoints', 'scores']
    try:
        program = torch.onnx.export(
            network, (example, ), dynamo=True, opset_version=OPSET, verbose=False, input_names=['input'],
            output_names=names, dynamic_shapes=({0: torch.export.Dim('batch', min=1, max=4096)}, ))
    except torch.onnx.OnnxExporterError as error:  # says what to read next; what happened is its cause
        raise RuntimeError(f'torch.onnx cannot export this model: {error.__cause__ or error}') from error
    program.model.metadata_props[METADATA_KEY] = info.to_json()
    model = program.model_proto
    forget_where_it_was_made(model)
    path.write_bytes(model.SerializeToString())


def forget_where_it_was_made(model: 'ModelProto') -> None:
    """Drop what torch notes of each node: stack traces, with the folders of whoever exports, and its own names."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]


def _write_openvino(onnx_path: Path, info: ModelInfo, path: Path, calibration: Optional[np.ndarray],
                    thorough: bool) -> None:
    import openvino
    model = openvino.convert_model(str(onnx_path))
    if info.precision == 'int8':
        nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
        kept = left_in_float(
            [name for name, node in nodes.items() if node.get_type_name() == 'Convolution'], info,
            lambda name: [target.get_node().get_friendly_name() for output in nodes[name].outputs()
                          for target in output.get_target_inputs()])
        model = quantize(model, kept, info, calibration, lambda inputs: inputs, thorough)
    model.set_rt_info(info.to_json(), [METADATA_KEY, 'metadata'])
    # For bf16, too, the weights stay in float32: rounded twice, they cost more (docs/deployment.md).
    openvino.save_model(model, str(path), compress_to_fp16=info.precision == 'fp16')


def _quantize_onnx(path: Path, info: ModelInfo, calibration: Optional[np.ndarray], thorough: bool) -> None:
    import onnx
    model = onnx.load(path)
    nodes = {node.name: node for node in model.graph.node}
    kept = left_in_float(
        [name for name, node in nodes.items() if node.op_type == 'Conv'], info,
        lambda name: [other for other, node in nodes.items() if set(node.input) & set(nodes[name].output)])
    quantized = quantize(model, kept, info, calibration, lambda inputs: dict(input=inputs), thorough)
    del quantized.metadata_props[:]
    quantized.metadata_props.add(key=METADATA_KEY, value=info.to_json())
    onnx.save(quantized, path)


def _compare(path: Path, info: ModelInfo, eager: ExportedNetwork, calibration: Optional[np.ndarray]):
    """Largest difference between a file and eager PyTorch, the latter's largest value, and how far keypoints shift."""
    crops = _noise(info) if calibration is None else calibration[:NUM_SHIFTED]
    inputs = info.prepare(crops)
    with torch.inference_mode():
        expected = eager(torch.from_numpy(np.ascontiguousarray(inputs)))
    expected = [output.numpy() for output in (expected if info.outputs == 'keypoints' else (expected, ))]
    outputs = ExportedPoseModel(path, device='cpu', flip_test=info.flip_test).run(inputs)
    shift = None
    if calibration is not None:
        wanted, got = (values[0] if info.outputs == 'keypoints' else decode(values[0], info.codec)[0]
                       for values in (expected, outputs))
        distances = np.linalg.norm(wanted - got, axis=-1)
        shift = float(distances.mean()), float(distances.max())
    ours, theirs = outputs[-1][:NUM_CHECKED], expected[-1][:NUM_CHECKED]
    return float(np.abs(ours - theirs).max()), float(np.abs(theirs).max()), shift


def _noise(info: ModelInfo) -> np.ndarray:
    """Crops of soft blots and noise, which no range of values escapes."""
    w, h = info.input_size
    rng = np.random.default_rng(0)
    blots = [cv2.resize(rng.integers(0, 256, (8, 6, 3), dtype=np.uint8), (w, h), interpolation=cv2.INTER_CUBIC)
             for _ in range(NUM_CHECKED)]
    return np.clip(np.stack(blots) + rng.normal(0, 20, (NUM_CHECKED, h, w, 3)), 0, 255).astype(np.uint8)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own messages; what concerns the user comes as an error."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(level)
