import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.models.backbones import ResNet, SwinTransformer
from mmpose.registry import KEYPOINT_CODECS
from mmpose.testing import get_packed_inputs
from mmpose.utils.tensor_utils import to_tensor

from rampose.layers import RescaleSum
from rampose.models import GPRHead

CODECS = {
    'msra': dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2),
    'dark': dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2, unbiased=True),
    'udp': dict(type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2),
    'megvii': dict(type='MegviiHeatmap', input_size=(64, 64), heatmap_size=(16, 16), kernel_size=5),
}


def pyramid(channels=(4, 8, 16, 32), size=16, batch=2):
    return tuple(torch.randn(batch, c, size // 2**k, size // 2**k) for k, c in enumerate(channels))


def data_samples(codec, num_keypoints):
    flip = list(range(num_keypoints))
    if num_keypoints > 1:
        flip[0], flip[1] = 1, 0
    encoder = KEYPOINT_CODECS.build(codec)
    samples = get_packed_inputs(batch_size=2, num_instances=1, num_keypoints=num_keypoints, img_shape=(64, 64),
                                input_size=(64, 64), with_heatmap=False)['data_samples']
    for sample in samples:
        keypoints = np.random.default_rng(0).uniform(8, 56, (1, num_keypoints, 2)).astype(np.float32)
        encoded = encoder.encode(keypoints, np.ones((1, num_keypoints), dtype=np.float32))
        sample.gt_fields = PixelData(heatmaps=to_tensor(encoded['heatmaps']))
        sample.gt_instance_labels.set_field(to_tensor(encoded['keypoint_weights']), 'keypoint_weights')
        sample.set_metainfo(dict(flip_indices=flip))
    return samples


@pytest.mark.parametrize('codec', CODECS.values(), ids=CODECS)
@pytest.mark.parametrize('num_keypoints', [1, 17])
@pytest.mark.parametrize('with_refinement', [True, False])
def test_loss_prediction_and_flip_test(codec, num_keypoints, with_refinement):
    head = GPRHead([4, 8, 16, 32], num_keypoints, decoder=codec, with_refinement=with_refinement)
    head.init_weights()
    samples = data_samples(codec, num_keypoints)
    losses = head.loss(pyramid(), samples)
    losses['loss_kpt'].backward()
    assert losses['loss_kpt'].isfinite()
    for name, parameter in head.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name

    head.eval()
    feats = pyramid()
    with torch.no_grad():
        heatmaps = head(feats)
        predictions = head.predict(feats, samples)
        both = head.predict([feats, feats], samples, dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True,
                                                           output_heatmaps=True))
    assert heatmaps.shape == (2, num_keypoints, 16, 16)
    assert [p.keypoints.shape for p in predictions] == [(1, num_keypoints, 2)] * 2
    assert both[1][0].heatmaps.shape == (num_keypoints, 16, 16)


def test_decodes_what_it_was_given():
    """A head whose final layer copies the refined maps decodes encoded keypoints to within the codec's own error."""
    codec = KEYPOINT_CODECS.build(CODECS['udp'])
    keypoints = np.array([[[20., 30.], [44., 12.]]], dtype=np.float32)
    heatmaps = torch.from_numpy(codec.encode(keypoints, np.ones((1, 2), dtype=np.float32))['heatmaps'])
    head = GPRHead([2, 4], 2, decoder=CODECS['udp'])
    head.refinement = torch.nn.Module()
    head.refinement.forward = lambda maps: maps[0]
    head.final_layer = torch.nn.Identity()
    decoded = head.predict((heatmaps[None], None), None)[0].keypoints
    np.testing.assert_allclose(decoded, keypoints, atol=1.0)


@pytest.mark.parametrize(('arguments', 'of_gpr'), [
    ({}, 1.), (dict(init_cfg=dict(type='Normal', layer='Conv2d', std=0.001)), 0.), (dict(with_refinement=False), 0.)])
def test_initial_values(arguments, of_gpr):
    """GPR keeps its own beside MMPose's 0.001, with which the convolution to heatmaps starts, unless told otherwise."""
    head = GPRHead(in_channels=(16, 32), out_channels=17, **arguments)
    head.init_weights()
    assert head.final_layer.weight.std().item() == pytest.approx(0.001, rel=0.2)
    if isinstance(head.refinement, RescaleSum):
        assert head.refinement.projections[1].weight.std().item() == pytest.approx(0.001, rel=0.2)
    else:
        identity = head.refinement.steps[0].convs[3].weight[:, :, 1, 1].diagonal()
        assert identity.mean().item() == pytest.approx(of_gpr, abs=0.1)


def test_either_order_of_resolutions():
    feats = pyramid()
    high, low = GPRHead([4, 8, 16, 32], 3).eval(), GPRHead([32, 16, 8, 4], 3, highest_first=False).eval()
    low.load_state_dict(high.state_dict())
    assert torch.equal(high(feats), low(feats[::-1]))


@pytest.mark.parametrize(('highest_first', 'feats', 'message'), [
    (True, pyramid()[::-1], 'is needed'),
    (False, pyramid(), 'is needed'),
    (True, pyramid((4, 8, 16)), 'is needed'),
    (True, pyramid((4, 8, 16, 31)), 'is needed'),
])
def test_other_maps_are_refused(highest_first, feats, message):
    in_channels = [4, 8, 16, 32] if highest_first else [32, 16, 8, 4]
    with pytest.raises(ValueError, match=message):
        GPRHead(in_channels, 3, highest_first=highest_first)(feats)


def test_the_wrong_order_of_equal_channels_is_refused():
    with pytest.raises(ValueError, match='order of the maps reversed'):
        GPRHead([8, 8, 8], 3)(pyramid((8, 8, 8))[::-1])


@pytest.mark.parametrize('in_channels', [[32], 32])
@pytest.mark.parametrize('highest_first', [True, False])
def test_fewer_than_two_maps_are_refused(in_channels, highest_first):
    with pytest.raises(ValueError, match='at least 2 maps'):
        GPRHead(in_channels, 17, highest_first=highest_first)


@pytest.mark.slow
@pytest.mark.parametrize(('backbone', 'in_channels'), [
    (lambda: ResNet(18, out_indices=(0, 1, 2, 3)), [64, 128, 256, 512]),
    (lambda: SwinTransformer(embed_dims=96, out_indices=(0, 1, 2, 3)), [96, 192, 384, 768]),
], ids=['resnet', 'swin'])
def test_other_backbones(backbone, in_channels):
    head, model = GPRHead(in_channels, 17).eval(), backbone()
    model.eval()  # MMPose's ResNet returns None from it
    with torch.no_grad():
        assert head(model(torch.rand(1, 3, 64, 64))).shape == (1, 17, 16, 16)
