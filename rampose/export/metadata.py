"""Another description for a model that is exported already."""

from pathlib import Path
from typing import Union

from ..core.files import written_whole
from ..core.model_info import METADATA_KEY, ModelInfo


def write_described(source: Union[str, Path], info: ModelInfo, target: Union[str, Path]) -> None:
    """Write a copy of an exported model that describes itself anew.

    Args:
        source: ``.onnx``, or ``.xml`` with its ``.bin``.
        info: Its new description.
        target: Of the same kind; may be `source`.

    Raises:
        ImportError: onnx, or for ``.xml`` openvino, is not installed.
    """
    source, target = Path(source), Path(target)
    if source.suffix == '.onnx':
        import onnx
        model = onnx.load(source)
        kept = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        model.metadata_props.add(key=METADATA_KEY, value=info.to_json())
        with written_whole(target) as file:
            file.write(model.SerializeToString())
        return
    import xml.etree.ElementTree as tree
    description = tree.parse(source)
    for entry in description.iter(METADATA_KEY):
        for metadata in entry.iter('metadata'):
            metadata.set('value', info.to_json())
    if target != source:
        with written_whole(target.with_suffix('.bin')) as file:
            file.write(source.with_suffix('.bin').read_bytes())
    with written_whole(target) as file:
        description.write(file, encoding='utf-8', xml_declaration=True)
