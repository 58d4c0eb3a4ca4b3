"""StackedHourglass and CPNHead inside MMPose: intermediate supervision, hard keypoint mining, decoding of the last."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

CODEC = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
PREPROCESSOR = dict(type='PoseDataPreprocessor')
HOURGLASS = dict(
    type='TopdownPoseEstimator', data_preprocessor=PREPROCESSOR,
    backbone=dict(type='StackedHourglass', out_channels=9, num_stacks=3, num_channels=16, depth=2),
    head=dict(type='CPMHead', in_channels=9, out_channels=9, num_stages=3, final_layer=None,
              loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=CODEC))
CPN = dict(
    type='TopdownPoseEstimator', data_preprocessor=PREPROCESSOR,
    backbone=dict(type='ResNet', depth=18, out_indices=(0, 1, 2, 3)),
    head=dict(type='CPNHead', in_channels=[64, 128, 256, 512], out_channels=9, num_channels=16, decoder=CODEC))


def samples(number=2, num_keypoints=9):
    made = []
    for _ in range(number):
        sample = PoseDataSample(metainfo=dict(
            flip_indices=list(range(num_keypoints)), input_size=np.array([64, 64]), input_center=np.array([32., 32.]),
            input_scale=np.array([64., 64.])))
        sample.gt_instances = InstanceData(  # centre and scale for MMPose before 1.2
            bboxes=np.array([[0., 0., 64., 64.]]), bbox_scores=np.ones(1), bbox_centers=np.array([[32., 32.]]),
            bbox_scales=np.array([[64., 64.]]))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, num_keypoints))
        sample.gt_fields = PixelData(heatmaps=torch.rand(num_keypoints, 16, 16))
        made.append(sample)
    return made


@pytest.mark.parametrize(('config', 'num_stages'), [(HOURGLASS, 3), (CPN, 5)], ids=['hourglass', 'cpn'])
def test_every_stage_is_supervised_and_every_parameter_reached(config, num_stages):
    model = MODELS.build(config)
    model.init_weights()
    model.train()
    images = torch.randn(2, 3, 64, 64)
    heatmaps = model(images, None, mode='tensor')
    assert [tuple(x.shape) for x in heatmaps] == [(2, 9, 16, 16)] * num_stages
    loss = model(images, samples(), mode='loss')['loss_kpt']
    loss.backward()
    assert loss.isfinite()
    without = [name for name, p in model.named_parameters()
               if p.grad is None or not p.grad.isfinite().all() or not p.grad.abs().sum() > 0]
    # MMPose starts the last norm of ResNet's residual branches at 0, which lets nothing past in the first step.
    assert [name for name in without if not name.startswith('backbone.layer')] == []


@pytest.mark.parametrize(('config', 'last'), [(HOURGLASS, 2), (CPN, 0)], ids=['hourglass', 'cpn'])
def test_the_last_stage_is_decoded(config, last):
    model = MODELS.build(config).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        heatmaps = model(images, None, mode='tensor')
        predicted = model(images, samples(), mode='predict')
    assert len(heatmaps) == last + 1
    expected, _ = model.head.decoder.decode(heatmaps[-1][1].numpy())
    np.testing.assert_allclose(predicted[1].pred_instances.keypoints, expected, atol=1e-4)


def test_refine_net_mines_hard_keypoints():
    """The last loss is the mean over the 8 worst of the 9 keypoints; the others are plain MSE."""
    model = MODELS.build(CPN).train()
    made = samples()
    images = torch.randn(2, 3, 64, 64)
    torch.manual_seed(0)
    heatmaps = model(images, None, mode='tensor')
    torch.manual_seed(0)
    loss = model(images, made, mode='loss')['loss_kpt']
    target = torch.stack([sample.gt_fields.heatmaps for sample in made])
    errors = [(x - target).square().mean(dim=(2, 3)) for x in heatmaps]
    expected = sum(error.mean() for error in errors[:-1]) + errors[-1].topk(8, dim=1).values.mean()
    torch.testing.assert_close(loss, expected)


def test_the_hourglass_sees_the_heatmaps_of_the_one_before_it():
    model = MODELS.build(HOURGLASS['backbone']).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = model(images)
        model.predictors[0].bias.add_(1)
        after = model(images)
    torch.testing.assert_close(after[0], before[0] + 1)
    assert not torch.allclose(after[2], before[2])


def test_the_hourglass_refuses_sizes_that_do_not_halve():
    model = MODELS.build(HOURGLASS['backbone'])
    assert model.eval() is model
    with pytest.raises(ValueError, match='multiples of 16'):
        model(torch.zeros(1, 3, 72, 64))
