"""A trained pose estimator, rewritten to compute the same with less: for inference alone."""

import copy
from typing import Dict, List, Tuple

import torch
import torch.nn.functional as F
from mmcv.cnn import fuse_conv_bn
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..models import RAMHRModule


def fold(model: nn.Module) -> nn.Module:
    """Rewrite a pose estimator for inference; the values stay the same but for rounding.

    Batch norms go into the convolutions before them, and every exchange unit becomes a :class:`FoldedRAMHRModule`.

    Args:
        model: Any; it stays as it is.

    Returns:
        A copy, in eval mode.
    """
    model = fuse_conv_bn(copy.deepcopy(model).eval())
    for module in list(model.modules()):
        if isinstance(module, nn.Sequential):
            layers = list(module)
            for name, (layer, norm) in enumerate(zip(layers, layers[1:])):
                if isinstance(layer, nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):  # mmcv leaves these out
                    module[name] = fuse_conv_bn_eval(layer, norm, transpose=True)
                    module[name + 1] = nn.Identity()
        for name, child in module.named_children():
            if isinstance(child, RAMHRModule) and child.num_branches > 1:
                setattr(module, name, FoldedRAMHRModule(child))
    return model


class FoldedRAMHRModule(nn.Module):
    """What a :class:`RAMHRModule` computes, in fewer and cheaper steps.

    Paper: Sec. 3.1, Eqs. 1-3. All of it is exact, apart from rounding:

    - A 1x1 convolution and the mean over a map can change places. So the score of a map that goes up in resolution is
      a linear function of the mean of the branch that it comes from: one mean for each branch in place of one for each
      of its outputs.
    - Thus all scores of a module are one matrix times one vector, and all its weights one softmax.
    - The 1x1 convolutions that start from one branch are one convolution.
    - Maps that go up are added to the next higher one before they are upsampled together.

    Args:
        module: The trained module, with its batch norms folded into the convolutions.

    Shape:
        - Input: M tensors ``(B, C_h, H / 2^(h-1), W / 2^(h-1))``, highest resolution first
        - Output: as the input; the first resolution alone if the module gives no more
    """

    def __init__(self, module: RAMHRModule) -> None:
        super().__init__()
        self.num_inputs = module.num_branches
        self.num_outputs = len(module.fuse_layers)
        self.channels = list(module.in_channels)
        self.branches = module.branches
        self.down = nn.ModuleDict({f'{h}to{i}': module.fuse_layers[i][h] for i, h in self._pairs_down()})
        self.up = nn.ModuleDict({
            str(h): _stack([module.fuse_layers[i][h][0] for i in self._outputs_above(h)])
            for h in range(1, self.num_inputs)
        })
        self.with_attention = module.attention is not None
        if self.with_attention:
            self._fold_attention(module)

    def _pairs_down(self) -> List[Tuple[int, int]]:
        """Output i and input h of all maps that go down in resolution."""
        return [(i, h) for i in range(self.num_outputs) for h in range(i)]

    def _outputs_above(self, h: int) -> range:
        """The outputs of higher resolution than input h."""
        return range(min(h, self.num_outputs))

    def _fold_attention(self, module: RAMHRModule) -> None:
        """Write all scores as one linear function of the means of the branches, then of the maps that go down."""
        starts: Dict = {}
        num_features = 0
        for key, channels in ([(h, self.channels[h]) for h in range(self.num_inputs)] +
                              [((i, h), self.channels[i]) for i, h in self._pairs_down()]):
            starts[key] = num_features
            num_features += channels
        weight = torch.zeros(self.num_outputs, self.num_inputs, num_features)
        bias = torch.zeros(self.num_outputs, self.num_inputs)
        assert module.attention is not None  # with_attention says so
        for i, attention in enumerate(module.attention):
            for h in range(self.num_inputs):
                score, shift = attention.score_weight.detach()[h], attention.score_bias.detach()[h]
                if h > i:  # through the 1x1 convolution, to the branch's own channels
                    conv = module.fuse_layers[i][h][0]
                    shift = shift + score @ conv.bias.detach()
                    score = score @ conv.weight.detach()[:, :, 0, 0]
                start = starts[(i, h) if h < i else h]
                weight[i, h, start:start + len(score)] = score
                bias[i, h] = shift
        self.scores = nn.Linear(num_features, self.num_outputs * self.num_inputs)
        self.scores.weight.data, self.scores.bias.data = weight.flatten(0, 1), bias.flatten()
        self.omega = nn.Parameter(torch.stack([attention.omega.detach() for attention in module.attention]))
        self.beta = nn.Parameter(torch.stack([attention.beta.detach() for attention in module.attention]))

    def _weights(self, branches: List[Tensor], down: Dict[Tuple[int, int], Tensor]) -> Tuple[Tensor, ...]:
        """W_h^i, ``(B, 1, 1, 1)`` each, output by output."""
        means = torch.cat([x.mean(dim=(2, 3)) for x in [*branches, *down.values()]], dim=1)
        scores = self.scores(means).view(-1, self.num_outputs, self.num_inputs)
        weights = scores.softmax(dim=2) * self.omega + self.beta
        return weights.view(-1, self.num_outputs * self.num_inputs, 1, 1).split(1, dim=1)

    def forward(self, x: List[Tensor]) -> List[Tensor]:
        branches = [branch(x_h) for branch, x_h in zip(self.branches, x)]
        maps = {(i, h): self.down[f'{h}to{i}'](branches[h]) for i, h in self._pairs_down()}
        if self.with_attention:
            weights = self._weights(branches, maps)
        for h in range(1, self.num_inputs):
            above = self._outputs_above(h)
            for i, up in zip(above, self.up[str(h)](branches[h]).split([self.channels[i] for i in above], dim=1)):
                maps[i, h] = up
        for h in range(self.num_outputs):
            maps[h, h] = branches[h]
        if self.with_attention:
            maps = {(i, h): x_h * weights[i * self.num_inputs + h] for (i, h), x_h in maps.items()}
        return [self._sum(i, maps) for i in range(self.num_outputs)]

    def _sum(self, i: int, maps: Dict[Tuple[int, int], Tensor]) -> Tensor:
        y = maps[i, i]
        for h in range(i):
            y = y + maps[i, h]
        if i < self.num_inputs - 1:
            low = maps[i, self.num_inputs - 1]
            for h in range(self.num_inputs - 2, i, -1):
                low = F.interpolate(low, scale_factor=2, mode='nearest') + maps[i, h]
            y = y + F.interpolate(low, scale_factor=2, mode='nearest')
        return F.relu(y)


def _stack(convs: List[nn.Conv2d]) -> nn.Conv2d:
    """One 1x1 convolution that gives what several give, one after another."""
    stacked = nn.Conv2d(convs[0].in_channels, sum(conv.out_channels for conv in convs), kernel_size=1)
    stacked.weight.data = torch.cat([conv.weight.detach() for conv in convs])
    stacked.bias.data = torch.cat([conv.bias.detach() for conv in convs])
    return stacked
