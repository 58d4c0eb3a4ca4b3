"""Models of configs with random weights: for counting and timing, which trained ones would not change."""

import copy

import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch import nn


def with_random_weights(config: Config) -> nn.Module:
    """Build a config's model with random weights.

    Nothing is read or downloaded: neither ``init_cfg`` nor the checkpoints of an ensemble's members. Three batches move
    the statistics of the batch norms towards such as fit the weights: with a new model's, numbers can become so small
    that a CPU is slow with them.

    Returns:
        The model, in eval mode.
    """
    model_config = copy.deepcopy(config.model)
    for member in model_config.get('members', []):
        member.pop('checkpoint', None)
    if 'backbone' in model_config:
        model_config.backbone.init_cfg = None
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(model_config)
    w, h = config.codec.input_size
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(2, 3, h, w), None, mode='tensor')
    return model.eval()
