"""Files that MMEngine writes, whole or not at all."""

from pathlib import Path
from typing import Union

from mmengine.fileio import LocalBackend, register_backend

from ..core.files import written_whole


@register_backend('durable', force=True)
class DurableBackend(LocalBackend):
    """MMEngine's local files, written under another name, brought to the disk, and only then renamed.

    A kill or a power cut at any moment leaves the old file or the new one. In a config:
    ``backend_args=dict(backend='durable')``.
    """

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        with written_whole(Path(filepath), durable=True) as file:
            file.write(obj)

    def put_text(self, obj: str, filepath: Union[str, Path], encoding: str = 'utf-8') -> None:
        self.put(obj.encode(encoding), filepath)
