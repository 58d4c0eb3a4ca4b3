import hashlib
import re
import subprocess
import sys
from datetime import date

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmpose.apis import inference_topdown, init_model

from rampose.checkpoints.loading import CheckpointError
from rampose.checkpoints.publishing import publish


@pytest.mark.needs_torch('2.1')
def test_a_real_training_checkpoint_keeps_weights_and_keypoints_alone(tiny_config, tmp_path, photo):
    tiny_config.train_cfg.update(max_epochs=1, val_interval=2)
    Runner.from_cfg(tiny_config).train()
    checkpoint = tmp_path / 'work/epoch_1.pth'
    path = publish(checkpoint, tmp_path / 'out/model.pth', date(2026, 1, 2))
    assert re.fullmatch(r'model-[0-9a-f]{8}_20260102\.pth', path.name)
    assert path.name[6:14] == hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    assert path.stat().st_size < 0.45 * checkpoint.stat().st_size  # Adam keeps two more of everything

    published = torch.load(path, weights_only=True)  # torch's own list is enough
    trained = torch.load(checkpoint, weights_only=False)
    assert set(published) == {'meta', 'state_dict'} and published['meta']['epoch'] == 1
    assert list(published['state_dict']) == list(trained['state_dict'])
    assert all(torch.equal(value, trained['state_dict'][name]) for name, value in published['state_dict'].items())
    assert str(tmp_path) not in str(published['meta'])

    models = [init_model(tiny_config, str(file), device='cpu') for file in (checkpoint, path)]
    assert models[1].dataset_meta['flip_indices'] == models[0].dataset_meta['flip_indices']
    (expected, ), (got, ) = (inference_topdown(model, photo, np.array([[10., 10., 200., 200.]])) for model in models)
    np.testing.assert_array_equal(got.pred_instances.keypoints, expected.pred_instances.keypoints)


def test_half_precision_halves_the_weights_and_spares_the_statistics(tmp_path):
    state = {'conv.weight': torch.full((4, 4), 1 / 3), 'bn.running_var': torch.full((4, ), 1e6),
             'bn.num_batches_tracked': torch.tensor(7)}
    torch.save(dict(state_dict=state), tmp_path / 'in.pth')
    got = torch.load(publish(tmp_path / 'in.pth', tmp_path / 'out', half=True), weights_only=True)['state_dict']
    assert got['conv.weight'].dtype == torch.float16 and got['conv.weight'][0, 0] == pytest.approx(1 / 3, rel=1e-3)
    assert torch.equal(got['bn.running_var'], state['bn.running_var']) and got['bn.num_batches_tracked'] == 7
    state['conv.weight'][0, 0] = 1e5
    torch.save(dict(state_dict=state), tmp_path / 'in.pth')
    with pytest.raises(CheckpointError, match=r'conv\.weight reaches 1e\+05; fp16 ends at 65504'):
        publish(tmp_path / 'in.pth', tmp_path / 'out', half=True)


def test_what_is_no_checkpoint_is_refused(tmp_path, root):
    torch.save([1], tmp_path / 'list.pth')
    with pytest.raises(CheckpointError, match=r'list\.pth holds no state_dict'):
        publish(tmp_path / 'list.pth', tmp_path / 'out')
    done = subprocess.run([sys.executable, str(root / 'tools/publish_model.py'), str(tmp_path / 'no.pth'),
                           str(tmp_path / 'out')], capture_output=True, text=True)
    assert done.returncode == 2 and 'no.pth can not be found' in done.stderr and 'Traceback' not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ['list.pth']
