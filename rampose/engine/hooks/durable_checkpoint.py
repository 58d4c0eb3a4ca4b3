"""Checkpoints that survive a kill at any moment."""

from pathlib import Path
from typing import List, Optional, Union

import mmengine
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS

from ...checkpoints.loading import BrokenCheckpointError, CheckpointError, load_checkpoint_file
from ...checkpoints.plain import make_plain, plain, restore_message_hub
from ...core.files import remove_parts, written_whole
from ..stopping import RunStopped


@HOOKS.register_module()
class DurableCheckpointHook(CheckpointHook):
    """MMEngine's `CheckpointHook`, with nothing half-written and nothing removed too early.

    - A checkpoint is written under another name, brought to the disk, and renamed.
    - Then ``last_checkpoint`` points to it, itself written so, and only then the outdated one is removed; likewise the
      best one.
    - Resuming (``--resume`` without a path) from a newest checkpoint that is broken all the same, or missing, goes back
      to the newest that can be read, and says so. One process decides for all. A file that is whole, but for which
      there is no memory or no permission, stops the run: no epoch is lost without a word.
    - A validation that a kill cut off, behind the checkpoint of its epoch, is made up for when the run is resumed.
    - A checkpoint holds tensors and plain values alone: ``torch.load(file, weights_only=True)`` of torch 2.1 and newer
      reads it, without rampose. What MMEngine keeps in classes of its own is made again when the training is resumed.
    - A checkpoint that cannot be saved, because the disk is full, stops the training with one line.

    Args:
        backend_args: As MMEngine's; by default local files by
            :class:`~rampose.engine.file_backend.DurableBackend`.
        kwargs: As MMEngine's `CheckpointHook`.

    Raises:
        RunStopped: MMEngine is too old; a checkpoint cannot be saved; or there are checkpoints to resume from and none
            can be read.
    """

    def __init__(self, *args, backend_args: Optional[dict] = None, **kwargs) -> None:
        if not hasattr(CheckpointHook, '_save_checkpoint_with_step'):  # it would remove before it saves
            raise RunStopped(f'got mmengine {mmengine.__version__}; DurableCheckpointHook needs 0.7.4 or newer: '
                             'pip install --upgrade mmengine')
        local = '://' not in str(kwargs.get('out_dir')) and not kwargs.get('file_client_args')
        if backend_args is None and local:
            backend_args = dict(backend='durable')
        super().__init__(*args, backend_args=backend_args, **kwargs)

    def before_run(self, runner: Runner) -> None:
        if not runner._resume or runner._load_from is not None:
            return
        # --resume without a path. Processes that each looked for themselves could go on from different epochs.
        decision: List[Optional[str]] = [None, None]
        try:
            if is_main_process():
                decision[0] = self._newest_readable(runner)
        except BaseException as error:
            decision[1] = str(error)
            raise
        finally:  # after an error, too, or the others would wait
            broadcast_object_list(decision)
        runner._load_from, why_not = decision
        if why_not is not None:
            raise RunStopped(why_not)

    def _newest_readable(self, runner: Runner) -> Optional[str]:
        """The newest checkpoint in the work folder that can be read; None without any, then training starts anew."""
        broken: List[str] = []
        for path in resumable_checkpoints(Path(self.out_dir or runner.work_dir), Path(runner.work_dir)):
            try:
                load_checkpoint_file(path)
            except (BrokenCheckpointError, FileNotFoundError) as error:
                broken.append(str(error))
                continue
            except MemoryError:
                raise RunStopped(f'there is not enough memory to read {path} ({path.stat().st_size} bytes): free some, '
                                 'then go on with --resume') from None
            except (CheckpointError, OSError) as error:
                raise RunStopped(f'cannot resume from the newest checkpoint: {error}') from None
            if broken:
                runner.logger.warning(f'{broken[0]}; resuming from the one before it, {path}')
            return str(path)
        if broken:
            raise RunStopped(f'none of the checkpoints in {runner.work_dir} can be read; the newest: {broken[0]}; '
                             'train from the start without --resume, or into another --work-dir')
        return None

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        if is_main_process():
            remove_parts(Path(runner.work_dir))  # of a killed run
        loop = runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop) or not loop.epoch or runner.val_loop is None:
            return
        loop._decide_current_val_interval()
        if loop.epoch >= loop.val_begin and (loop.epoch % loop.val_interval == 0 or loop.epoch == loop.max_epochs):
            runner.val_loop.run()  # a kill may have cut it off, and a checkpoint does not tell

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        make_plain(checkpoint)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if not runner._resume:  # then nobody looks at more than the weights
            return
        restore_message_hub(checkpoint)
        # MMEngine compares the pickles of what is the same here and there, and would warn.
        own = getattr(runner.train_dataloader.dataset, 'metainfo', None)
        meta = checkpoint.get('meta') or {}
        if own is not None and plain(meta.get('dataset_meta')) == plain(own):
            meta['dataset_meta'] = own

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """In place of MMEngine's, which removes before it saves, and writes `last_checkpoint` in place."""
        outdated = []
        if self.max_keep_ckpts > 0 and (not self.keep_ckpt_ids or self.keep_ckpt_ids[-1] != step):
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated.append(self._path(self.keep_ckpt_ids.popleft()))
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        before, self.last_ckpt = self.last_ckpt, self._path(step)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        try:
            runner.save_checkpoint(
                self.out_dir, self.filename_tmpl.format(step), self.file_client_args,
                save_optimizer=self.save_optimizer, save_param_scheduler=self.save_param_scheduler, meta=meta,
                by_epoch=self.by_epoch, backend_args=self.backend_args, **self.args)
            if is_main_process():
                with written_whole(Path(runner.work_dir, 'last_checkpoint'), durable=True) as file:
                    file.write(self.last_ckpt.encode())
        except OSError as error:
            self.last_ckpt = before
            raise self._unsaved(runner, self._path(step), error) from None
        if is_main_process():
            for path in outdated:
                self._remove(path)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """MMEngine's, but that the previous best one goes when the new one is there."""
        if not self.save_best:
            return
        one = len(self.key_indicators) == 1
        previous = {None: self.best_ckpt_path} if one else dict(self.best_ckpt_path_dict)
        if one:
            self.best_ckpt_path = None  # MMEngine removes what stands here, first thing
        else:
            self.best_ckpt_path_dict = dict.fromkeys(previous)
        try:
            super()._save_best_checkpoint(runner, metrics)
        except OSError as error:
            raise self._unsaved(runner, 'the best checkpoint', error) from None
        for key, path in previous.items():
            new = self.best_ckpt_path if one else self.best_ckpt_path_dict.get(key)
            if new is None and one:
                self.best_ckpt_path = path
            elif new is None:
                self.best_ckpt_path_dict[key] = path
            elif path and path != new and is_main_process():
                self._remove(path)

    def _path(self, step: int) -> str:
        return self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):  # DeepSpeed's
            self.file_backend.rmtree(path)

    @staticmethod
    def _unsaved(runner: Runner, what: str, error: OSError) -> RunStopped:
        last = last_checkpoint(runner.work_dir)
        intact = f'{last} is intact' if last else 'there is none before it'
        return RunStopped(f'{what} could not be saved: {error.strerror or error}; {intact}. '
                               'Make room, then go on with --resume')


def last_checkpoint(work_dir: Union[str, Path]) -> Optional[str]:
    """What `last_checkpoint` of a work folder names, or None."""
    pointer = Path(work_dir, 'last_checkpoint')
    return (pointer.read_text().strip() or None) if pointer.is_file() else None


def resumable_checkpoints(folder: Path, work_dir: Path) -> List[Path]:
    """What `--resume` tries in turn: what `last_checkpoint` names, then the others by their number, the newest first.

    The first, since the highest number may be of a training before this one in the same folder.
    """
    numbered = {}
    for place in {folder, folder / work_dir.name}:  # with an out_dir, MMEngine makes a folder of the run's name in it
        for path in [*place.glob('epoch_*.pth'), *place.glob('iter_*.pth')]:
            if path.stem.split('_')[-1].isdigit():
                numbered[path] = int(path.stem.split('_')[-1])
    found = sorted(numbered, key=numbered.__getitem__, reverse=True)
    named = last_checkpoint(work_dir)
    if named is None:
        return found
    return [Path(named), *(path for path in found if path.resolve() != Path(named).resolve())]
