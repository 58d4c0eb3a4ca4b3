"""MMPose's tools, started by torchrun on a machine without a GPU.

    torchrun --nproc_per_node 2 on_cpu.py .../mmpose/.mim/tools/train.py CONFIG --launcher pytorch

MMEngine's launcher asks for a GPU for each process; here that one call is left out. It registers a hook, too.
"""

import runpy
import sys

import torch
from mmengine.dist import all_gather, get_world_size
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

torch.cuda.set_device = lambda device: None


@HOOKS.register_module()
class AgreementHook(Hook):
    """Every parameter has a gradient, and all processes have the same."""

    def before_train(self, runner) -> None:
        if get_world_size() == 1:
            return
        assert not runner.model.find_unused_parameters

        def look(*_) -> None:  # MMEngine drops the gradients behind the step
            without = [name for name, parameter in runner.model.named_parameters() if parameter.grad is None]
            assert not without, f'{len(without)} parameters have no gradient: {without[:3]}'
            gradient = torch.cat([parameter.grad.flatten() for parameter in runner.model.parameters()])
            one, other = all_gather(gradient)
            assert torch.equal(one, other) and one.abs().sum() > 0
            print(f'gradients agree at iteration {runner.iter}', flush=True)

        runner.optim_wrapper.optimizer.register_step_pre_hook(look)


if __name__ == '__main__':
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name='__main__')
