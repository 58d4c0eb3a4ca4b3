"""RAM-HRNet + GPR from an HRNet of every package: its heatmaps stay, and what does not fit is refused by name."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch import nn

from rampose.checkpoints.conversion import convert as convert_on
from rampose.checkpoints.conversion import normalized, save
from rampose.checkpoints.hrnet import ConversionError, read_hrnet, same_codec
from rampose.checkpoints.loading import CheckpointError
from rampose.lab.sample import make_crops


def generated_images(input_size):
    return normalized(make_crops(input_size))


def convert(weights, config, num_keypoints=None, images=None):
    images = generated_images(config.codec.input_size) if images is None else images
    return convert_on(weights, config, images, num_keypoints)


CONFIGS = Path(__file__).resolve().parents[2] / 'configs/body_2d_keypoint/topdown_heatmap/coco'
WIDTHS = ('w32', 'w48')
both_widths = pytest.mark.parametrize('hrnet', WIDTHS, indirect=True)
w32 = pytest.mark.parametrize('hrnet', ['w32'], indirect=True)


def config_of(width: str) -> Config:
    config = Config.fromfile(CONFIGS / f'td-hm_ram-hrnet-{width}-gpr_4xb32-240e_coco-256x192.py')
    config.model.backbone.init_cfg = None
    config.codec.input_size = (64, 64)  # to be quick; the weights do not depend on it
    return config


def randomise(model: nn.Module) -> None:
    """Batch-norm statistics and weights as after a training, and heatmaps of a size to compare."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)


@pytest.fixture(scope='module')
def hrnet(request):
    """MMPose's own HRNet with its head, random."""
    torch.manual_seed(0)
    config = config_of(request.param)
    model = copy.deepcopy(config.model)
    model.backbone.type = 'HRNet'
    model.backbone.extra.stage4.multiscale_output = False
    width = model.head.in_channels[0]
    model.head = dict(type='HeatmapHead', in_channels=width, out_channels=17, deconv_out_channels=None)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(model)
        model.init_weights()
    randomise(model)
    nn.init.normal_(model.head.final_layer.weight, std=0.1)
    nn.init.normal_(model.head.final_layer.bias)
    model.eval()
    return request.param, model


def renamed(state, backbone='backbone.', head='head.', prefix='', drop=()):
    """MMPose 1.x's state_dict as another package writes it."""
    names = {name: name.replace('backbone.', backbone, 1) if name.startswith('backbone.') else name.replace(
        'head.', head, 1) for name in state}
    return {prefix + new: state[old] for old, new in names.items() if not new.endswith(drop)}


POSE_LAYOUTS = {
    'MMPose 1.x': lambda state: dict(meta=dict(), state_dict=state),
    'MMPose 0.x': lambda state: dict(meta=dict(), state_dict=renamed(state, head='keypoint_head.')),
    "HRNet's authors, pose": lambda state: renamed(state, backbone='', head=''),
    # checkpoint.pth of a training on several GPUs, with a torch that did not count batches
    "HRNet's authors, training": lambda state: dict(
        epoch=1, model='pose_hrnet', perf=0.7, best_state_dict=renamed(state, backbone='', head='', prefix='module.'),
        state_dict=renamed(state, backbone='', head='', prefix='module.', drop=('num_batches_tracked', ))),
}


@both_widths
@pytest.mark.parametrize('layout', POSE_LAYOUTS)
def test_heatmaps_are_the_hrnets(hrnet, layout, tmp_path):
    width, reference = hrnet
    torch.save(POSE_LAYOUTS[layout](reference.state_dict()), tmp_path / 'in.pth')
    weights = read_hrnet(tmp_path / 'in.pth')
    assert weights.layout == ("HRNet's authors, pose" if 'authors' in layout else layout)
    assert weights.left_out == []
    config = config_of(width)
    save(convert(weights, config), weights, tmp_path / 'out.pth')

    model = MODELS.build(config.model).eval()
    saved = torch.load(tmp_path / 'out.pth', weights_only=True)
    model.load_state_dict(saved['state_dict'])  # strict
    images = torch.randn(2, 3, 96, 64)  # others than it was checked on
    with torch.no_grad():
        expected, got = (m(images, None, mode='tensor') for m in (reference, model))
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


@w32
def test_training_starts_close_to_the_hrnet_and_reaches_every_parameter(hrnet):
    width, reference = hrnet
    reference = copy.deepcopy(reference).train()
    images = generated_images((64, 96))
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics of these images, as after a training on them
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        expected = reference(images, None, mode='tensor')
    model = convert(weights_of(reference), config_of(width), images=images).model.train()
    got = model(images, None, mode='tensor')
    # Not quite equal: running statistics hold the unbiased variance.
    assert (got - expected).std() < 0.05 * expected.std()

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    got.square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    model(images, None, mode='tensor').square().mean().backward()
    without = [name for name, parameter in model.named_parameters()
               if parameter.grad is None or not parameter.grad.abs().sum() > 0]
    assert without == []
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def weights_of(model):
    from rampose.checkpoints.hrnet import _sorted_out
    return _sorted_out(model.state_dict())


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
@pytest.mark.parametrize('width', WIDTHS)
def test_timms_imagenet_weights(width, suffix, tmp_path):
    timm = pytest.importorskip('timm')
    classifier = timm.create_model(f'hrnet_{width}').eval()
    randomise(classifier)
    path = tmp_path / f'in{suffix}'
    if suffix == '.pth':
        torch.save(classifier.state_dict(), path)
    else:
        from safetensors.torch import save_file
        save_file(classifier.state_dict(), path)
    weights = read_hrnet(path)
    conversion = convert(weights, config_of(width))
    images = torch.randn(2, 3, 64, 96)
    classifier.to(memory_format=torch.channels_last)  # rounds as ours does; random weights enlarge what differs
    with torch.no_grad():
        expected = classifier.stages(classifier.act2(classifier.bn2(classifier.conv2(
            classifier.act1(classifier.bn1(classifier.conv1(images)))))))
        got = conversion.model.backbone(images)
    for a, b in zip(got, expected):  # all four: these files have the last exchange unit's other outputs too
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    assert {name.split('.')[0] for name in weights.left_out} == {
        'incre_modules', 'downsamp_modules', 'final_layer', 'classifier'}
    assert not any('fuse_layers' in name for name in conversion.new)
    assert 'head.final_layer.weight' in conversion.new


@pytest.mark.parametrize('width', WIDTHS)
def test_mmpretrains_imagenet_weights(width, tmp_path):
    pytest.importorskip('mmpretrain')
    from mmpretrain.registry import MODELS as MMPRETRAIN
    channels = [int(width[1:]) * 2**i for i in range(4)]
    classifier = dict(
        type='ImageClassifier', backbone=dict(type='HRNet', arch=width),
        neck=[dict(type='HRFuseScales', in_channels=channels), dict(type='GlobalAveragePooling')],
        head=dict(type='LinearClsHead', in_channels=2048, num_classes=10))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        classifier = MMPRETRAIN.build(classifier)
    randomise(classifier)
    classifier.eval()
    torch.save(dict(state_dict=classifier.state_dict()), tmp_path / 'in.pth')
    weights = read_hrnet(tmp_path / 'in.pth')
    conversion = convert(weights, config_of(width))
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        for a, b in zip(conversion.model.backbone(images), classifier.backbone(images)):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    assert weights.layout == 'MMPreTrain, ImageNet'
    assert {name.split('.')[0] for name in weights.left_out} == {'neck', 'head'}


def without(state, part):
    return {name: value for name, value in state.items() if part not in name}


BROKEN = [
    (lambda state: without(state, 'stage3.2.'), r'lacks what the config needs: backbone\.stage3\.2\.'),
    (lambda state: without(state, 'bn1.running_var'), r'lacks what the config needs: backbone\.bn1\.running_var'),
    (lambda state: without(state, 'stage4.2.'), r'lacks what the config needs: backbone\.stage4\.2\.'),
    (lambda state: without(state, 'stage4.'), 'it is no HRNet: .*stage4'),
    (lambda state: {**state, 'backbone.stage3.4.branches.0.0.conv1.weight': torch.zeros(1)},
     r'has what the config has not: backbone\.stage3\.4\.'),
    (lambda state: {**state, 'head.deconv_layers.0.weight': torch.zeros(1)},
     r'more than an HRNet and its last layer: head\.deconv_layers\.0\.weight'),
    (lambda state: {**state, 'backbone.bn1.running_var': torch.full((64, ), float('nan'))}, 'holds NaN'),
    (lambda state: dict(weight=torch.zeros(1)), 'it is no HRNet: .* 1 tensors: weight'),
    (lambda state: dict(state_dict=[1]), 'holds no state_dict'),
]


@pytest.mark.parametrize('break_it, message', BROKEN, ids=range(len(BROKEN)))
@w32
def test_what_does_not_fit_is_refused_by_name(hrnet, break_it, message, tmp_path):
    _, reference = hrnet
    torch.save(break_it(reference.state_dict()), tmp_path / 'in.pth')
    with pytest.raises(ConversionError, match=message):
        convert(read_hrnet(tmp_path / 'in.pth'), config_of('w32'))


@both_widths
def test_another_width_is_refused_by_name(hrnet):
    width, reference = hrnet
    other = 'w48' if width == 'w32' else 'w32'
    with pytest.raises(ConversionError, match=r'other shapes than the config: backbone\.transition1\.0\.0\.weight \('):
        convert(weights_of(reference), config_of(other))


@w32
def test_another_number_of_keypoints_needs_to_be_said(hrnet):
    width, reference = hrnet
    weights, config = weights_of(reference), config_of(width)
    config.model.head.out_channels = 16
    with pytest.raises(ConversionError, match='17 keypoints, the config 16: --num-keypoints 17 keeps'):
        convert(weights, config)
    kept, anew = convert(weights, config, num_keypoints=17), convert(weights, config, num_keypoints=16)
    assert torch.equal(kept.model.head.final_layer.weight, reference.head.final_layer.weight)
    assert 'head.final_layer.weight' in kept.taken and 'head.final_layer.weight' in anew.new
    assert anew.model.head.final_layer.out_channels == 16


@w32
def test_a_model_that_is_not_ours_is_refused(hrnet):
    width, reference = hrnet
    config = config_of(width)
    config.model.backbone.type = 'HRNet'
    with pytest.raises(ValueError, match='has HRNet, GPRHead and a codec; needed are RAMHRNet, GPRHead'):
        convert(weights_of(reference), config)


CFG = """default_scope = 'mmpose'
codec = dict(heatmap_size=(48, 64), input_size=(192, 256), sigma=2, type='{}')
model = dict(head=dict(decoder=dict(type='{}')), backbone=print('run'))
"""


@w32
def test_half_precision_and_the_codec_of_the_file(hrnet, tmp_path, capsys):
    width, reference = hrnet
    half = copy.deepcopy(reference).half().state_dict()
    torch.save(dict(meta=dict(cfg=CFG.format('UDPHeatmap', 'UDPHeatmap')), state_dict=half), tmp_path / 'in.pth')
    weights = read_hrnet(tmp_path / 'in.pth')
    assert convert(weights, config_of(width)).largest_difference < 1e-4
    assert weights.codec == dict(heatmap_size=(48, 64), input_size=(192, 256), sigma=2, type='UDPHeatmap')
    assert capsys.readouterr().out == ''  # nothing in the file is run
    assert not same_codec(weights.codec, dict(type='MSRAHeatmap', input_size=(192, 256)))
    assert not same_codec(weights.codec, dict(type='UDPHeatmap', input_size=(288, 384)))
    assert same_codec(weights.codec, dict(type='UDPHeatmap', input_size=[192, 256], sigma=3))
    for cfg in ('not (python', 'codec = 3', None, 7):
        torch.save(dict(meta=dict(cfg=cfg), state_dict=half), tmp_path / 'in.pth')
        assert read_hrnet(tmp_path / 'in.pth').codec is None


def test_a_file_that_is_missing_or_broken(tmp_path):
    with pytest.raises(FileNotFoundError, match='no.pth'):
        read_hrnet(tmp_path / 'no.pth')
    with pytest.raises(FileNotFoundError, match=r'no\.safetensors'):
        read_hrnet(tmp_path / 'no.safetensors')
    for name in ('text.pth', 'text.safetensors'):
        (tmp_path / name).write_text('no checkpoint, but some text')
        with pytest.raises(CheckpointError, match=name):
            read_hrnet(tmp_path / name)


def run_tool(root, *args):
    return subprocess.run([sys.executable, str(root / 'tools/convert_hrnet.py'), *map(str, args)], capture_output=True,
                          text=True)


@pytest.mark.long
@both_widths
def test_the_tool(hrnet, root, tmp_path, tiny_sample):
    width, reference = hrnet
    path, out = tmp_path / 'in.pth', tmp_path / 'new/out.pth'
    # As MMPose writes it, of a model with UDP for W32.
    meta = dict(cfg=CFG.format('UDPHeatmap', 'UDPHeatmap'))
    torch.save(dict(meta=meta, state_dict=reference.state_dict()), path)
    if width == 'w48':
        done = run_tool(root, path, out, '--num-keypoints', 14)
        assert done.returncode == 0, done.stderr
        assert 'head.final_layer (2)' in done.stdout.split('new:')[1]
        assert 'the HRNet has 17 keypoints, the model 14' in done.stdout and 'left out: 2 tensors' in done.stdout
        assert 'note: the HRNet was trained with UDPHeatmap at (192, 256)' in done.stdout  # no config of ours for W48
        assert 'with the metainfo of your 14 keypoints' in done.stdout
        assert done.stdout.endswith(f'load_from={out} model.backbone.init_cfg=None model.head.out_channels=14\n')
        return
    done = run_tool(root, path, out, '--images', tiny_sample / 'val')
    assert done.returncode == 0, done.stderr
    assert 'HRNet-W32, layout: MMPose 1.x' in done.stdout and 'taken: 1754 tensors' in done.stdout
    assert 'w32-gpr_udp-4xb32-240e_coco-256x192.py --cfg-options load_from=' in done.stdout
    assert 'note' not in done.stdout
    assert 'backbone.stage2.attention (8)' in done.stdout and 'head.refinement (54)' in done.stdout
    assert torch.load(out, weights_only=True)['meta']['converted_from'] == 'MMPose 1.x'

    shutil.rmtree(out.parent)
    torch.save(without(reference.state_dict(), 'stage3.2.'), path)
    for args, status, message in (
            ((path, out, '--config', root / 'configs/_base_/models/ram-hrnet-w32_gpr.py'), 2,
             'ram-hrnet-w32_gpr.py has RAMHRNet, GPRHead and no codec'),
            ((path, out), 2, f'{path}: the checkpoint lacks what the config needs: backbone.stage3.2.'),
            ((tmp_path / 'no.pth', out), 2, 'no.pth can not be found'),
            ((path, tmp_path / 'out.onnx'), 2, 'its name must end in .pth'),
            ((path, out, '--images', tmp_path / 'nowhere'), 2, 'nowhere is no folder'),
            ((path, path / 'out.pth'), 2, f'{path}/out.pth cannot be written'),
            ((path, path), 2, 'IN and OUT are the same file')):
        done = run_tool(root, *args)
        assert done.returncode == status and message in done.stderr, done.stderr
        assert 'Traceback' not in done.stderr and not out.exists()
