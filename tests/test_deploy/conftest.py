"""Exported models that several tests share."""

from pathlib import Path

import pytest

from rampose.deploy.export import export


@pytest.fixture(scope='session')
def onnx_model(pose_config, pose_checkpoint, tmp_path_factory) -> Path:
    return export(pose_config, pose_checkpoint, tmp_path_factory.mktemp('onnx')).path


@pytest.fixture(scope='session')
def openvino_model(pose_config, pose_checkpoint, tmp_path_factory) -> Path:
    return export(pose_config, pose_checkpoint, tmp_path_factory.mktemp('openvino'), format='openvino').path


@pytest.fixture
def bboxes() -> list:
    return [[10, 10, 200, 220], [100, 20, 310, 239], [-20, 5, 90, 260.5], [50, 60, 120, 200], [0, 0, 320, 240]]
