"""What the benchmark compares: makers of calls, each for a process of its own, hence with their imports inside."""

from typing import Callable, Optional, Sequence

import numpy as np


def mmpose_network(config: str, checkpoint: str, inputs: np.ndarray, device: str = 'cpu') -> Callable[[], object]:
    """MMPose's own network of a config, in PyTorch eager: normalised crops to heatmaps."""
    import torch

    from ..apis.torch_model import load_estimator
    model = load_estimator(config, checkpoint)[0].to(device)
    tensor = torch.from_numpy(inputs).to(device)

    def call() -> None:
        with torch.no_grad():
            model(tensor, None, mode='tensor')
        _synchronize(device)

    return call


def predictor_network(config: str, checkpoint: str, inputs: np.ndarray, device: str, dtype: Optional[str],
                      compile: bool) -> Callable[[], object]:
    """The network as our predictor runs it in PyTorch: normalised crops to heatmaps."""
    import contextlib

    import torch

    from ..apis.torch_model import DTYPES, TorchPoseModel
    pose_model = TorchPoseModel(config, checkpoint, device, dtype, flip_test=False, compile=compile)
    model = pose_model.model
    tensor = torch.from_numpy(inputs).to(device, memory_format=torch.channels_last)

    def call() -> None:
        precision = torch.autocast(device, DTYPES[dtype]) if dtype else contextlib.nullcontext()
        with torch.no_grad(), precision:
            model.head.forward(model.backbone(tensor))
        _synchronize(device)

    return call


def exported_network(path: str, inputs: np.ndarray, dtype: Optional[str] = None) -> Callable[[], object]:
    """An exported model in its engine: normalised crops to heatmaps."""
    from ..apis.exported_model import ExportedPoseModel
    model = ExportedPoseModel(path, device='cpu', dtype=dtype, flip_test=False)
    return lambda: model.run(inputs)


def mmpose_people(config: str, checkpoint: str, image: np.ndarray, bboxes: np.ndarray, flip_test: bool,
                  device: str = 'cpu') -> Callable[[], object]:
    """MMPose's `inference_topdown`: a picture and boxes to keypoints."""
    from mmpose.apis import inference_topdown

    from ..apis.torch_model import load_estimator
    model = load_estimator(config, checkpoint)[0].to(device)
    model.test_cfg['flip_test'] = flip_test
    return lambda: inference_topdown(model, image, bboxes)


def predictor_people(model: Sequence[str], image: np.ndarray, bboxes: np.ndarray, flip_test: bool,
                     device: str = 'cpu', dtype: Optional[str] = None, compile: bool = False) -> Callable[[], object]:
    """Our predictor, of a config and its checkpoint or of an exported model: a picture and boxes to keypoints."""
    from ..apis import TopdownPredictor
    predictor = TopdownPredictor(*model, device=device, flip_test=flip_test, dtype=dtype, compile=compile)
    return lambda: predictor(image, bboxes)


def mmpose_training(config: str, steps: int, device: str = 'cpu') -> Callable[[], float]:
    """Some steps of MMPose's training with a config's data loader, model and optimiser.

    A call returns the share of its time that it waited for data, over the second half of the steps: for the first ones
    the workers had time before the call.
    """
    import time

    import torch
    from mmengine import Config
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner
    from mmpose.registry import MODELS
    config = Config.fromfile(config)
    init_default_scope('mmpose')
    torch.manual_seed(0)
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model).to(device).train()
    optim_wrapper = build_optim_wrapper(model, config.optim_wrapper)
    loader = Runner.build_dataloader(config.train_dataloader, seed=0)

    def forever():
        while True:
            yield from loader

    batches = forever()

    def call() -> float:
        waited = 0.
        for i in range(steps):
            if i == steps // 2:
                waited, start = 0., time.perf_counter()
            before = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - before
            model.train_step(batch, optim_wrapper)
        _synchronize(device)
        return waited / (time.perf_counter() - start)

    return call


def _synchronize(device: str) -> None:
    if device == 'cuda':
        import torch
        torch.cuda.synchronize()
