"""Detectors of Hugging Face's transformers, such as RT-DETR."""

from typing import Optional, Tuple, Union

import numpy as np
import torch

from ...core.coco_names import category_name

DEFAULT = 'PekingU/rtdetr_r18vd'


class TransformersDetector:
    """An object detector of the Hugging Face hub, or one that was saved to a folder.

    Args:
        name: The model's name on the hub, or its folder.
        category: Number or COCO's name of what to find. Default: 'person'.
        min_score: Boxes of lower scores are left out. Default: 0.3.
        device: As torch names it. Default: None, a GPU where there is one.

    Raises:
        OSError: The model cannot be found or downloaded.
        ValueError: It does not know the category.
    """

    def __init__(self, name: str = DEFAULT, category: Union[int, str] = 'person', min_score: float = 0.3,
                 device: Optional[str] = None) -> None:
        from transformers import AutoImageProcessor, AutoModelForObjectDetection
        self.device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        self._processor = AutoImageProcessor.from_pretrained(name)
        self.model = AutoModelForObjectDetection.from_pretrained(name).eval().to(self.device)
        names = {str(label).lower(): number for number, label in self.model.config.id2label.items()}
        wanted = category_name(category)
        if wanted not in names:
            raise ValueError(f'{name} does not find {wanted!r}, but {", ".join(list(names)[:9])}')
        self.category, self.min_score = int(names[wanted]), min_score

    def __call__(self, image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Find everybody.

        Args:
            image: ``(h, w, 3)`` uint8, BGR.

        Returns:
            Boxes ``(N, 4)`` xyxy in image px and scores ``(N,)``; float32, the best first.
        """
        h, w = image.shape[:2]
        inputs = self._processor(images=np.ascontiguousarray(image[..., ::-1]), return_tensors='pt').to(self.device)
        with torch.inference_mode():
            outputs = self.model(**inputs)
        found, = self._processor.post_process_object_detection(outputs, threshold=self.min_score,
                                                               target_sizes=[(h, w)])
        wanted = found['labels'] == self.category
        boxes, scores = found['boxes'][wanted].cpu().numpy(), found['scores'][wanted].cpu().numpy()
        best_first = np.argsort(-scores, kind='stable')
        return boxes[best_first].clip(0, [w, h, w, h]).astype(np.float32), scores[best_first].astype(np.float32)
