"""An image on the page, what each model finds in it, and what is shown of that; without the page's framework."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import cv2
import numpy as np

from ...apis.attention import predict_results_with_attention
from ...apis.predictor import TopdownPredictor
from ...core.bboxes import check_bboxes
from ...core.metainfo import keypoint_names
from ...core.mosaic import mosaic
from ...core.pose_result import PoseResult
from ..attention import plot_person_attention
from ..drawing import PosePainter

MAX_PEOPLE = 100
NEAR = 12  # px of the shown image, by which a click may miss a keypoint
HEATMAP_COLUMNS, HEATMAP_WIDTH = 6, 96


@dataclass(frozen=True)
class Model:
    """A model that can be looked at.

    Attributes:
        name: As the command line has it.
        predictor: Opened.
        min_keypoint_score: Below which its keypoints mean nothing.
        options: With which its predictor was opened.
    """
    name: str
    predictor: TopdownPredictor
    min_keypoint_score: float
    options: Dict[str, Any] = field(default_factory=dict)

    @property
    def keypoints(self) -> List[str]:
        """Their names."""
        return keypoint_names(self.predictor.dataset_meta)


@dataclass(frozen=True)
class Photo:
    """An image and what was found.

    Attributes:
        name: Of the file.
        image: ``(h, w, 3)`` uint8 BGR.
        boxes: ``(N, 4)`` xyxy in px, float32.
        found: Whether a detector found them.
        results: Of each model.
    """
    name: str
    image: np.ndarray
    boxes: np.ndarray
    found: bool
    results: List[PoseResult]


@dataclass(frozen=True)
class Look:
    """How a drawing is to look.

    Attributes:
        min_keypoint_score: Keypoints of lower scores are left out.
        line_width: Factor on the usual one.
        boxes: Draw them.
        ellipses: Draw where each keypoint is with a chance of 80 %, where that is known.
        person: The only one that is shown. Default: None, all of them.
    """
    min_keypoint_score: float = 0.3
    line_width: float = 1.0
    boxes: bool = True
    ellipses: bool = False
    person: Optional[int] = None


def analyse(models: Sequence[Model], name: str, image: np.ndarray,
            boxes: Union[np.ndarray, Sequence, None] = None) -> Photo:
    """Find the people, by the first model's detector, and their keypoints, by each model.

    Args:
        models: At least one.
        name: Of the image.
        image: ``(h, w, 3)`` uint8 BGR.
        boxes: xyxy in px. Default: None, the detector finds them.

    Raises:
        ValueError: A box that cannot be used, too many, or none and no detector.
    """
    found = boxes is None
    if boxes is None:
        if not models[0].predictor.has_detector:
            raise ValueError('There is no detector: draw boxes, or take the whole image for one person')
        detected, scores = models[0].predictor.detect(image)
        boxes = detected[np.argsort(-scores, kind='stable')[:MAX_PEOPLE]]
    checked = check_bboxes(np.asarray(boxes, np.float32).reshape(-1, 4), image.shape)
    if len(checked) > MAX_PEOPLE:
        raise ValueError(f'got {len(checked)} boxes; at most {MAX_PEOPLE} are taken')
    return Photo(name, image, checked, found, [model.predictor.predict([image], [checked])[0] for model in models])


def draw(photo: Photo, number: int, model: Model, look: Look) -> np.ndarray:
    """The image with the skeletons of a model, ``(h, w, 3)`` uint8 BGR.

    Args:
        photo: Analysed.
        number: Of the model.
        model: The same.
        look: How it is to look.
    """
    painter = PosePainter(model.predictor.dataset_meta, look.min_keypoint_score, look.line_width, look.boxes,
                          look.ellipses)
    result = photo.results[number]
    if look.person is not None:
        result = result.choose(np.array([look.person]))
    return painter.draw(photo.image, result)


def person_at(photo: Photo, number: int, x: float, y: float) -> Optional[int]:
    """Who is at a point of the image: whose keypoint is nearest of those whose box holds it; None for nobody."""
    result = photo.results[number]
    inside = [person for person, (x1, y1, x2, y2) in enumerate(result.bboxes)
              if x1 - NEAR <= x <= x2 + NEAR and y1 - NEAR <= y <= y2 + NEAR]
    distances = {person: float(np.linalg.norm(result.keypoints[person] - (x, y), axis=1).min()) for person in inside}
    return min(distances, key=lambda person: distances[person]) if distances else None


def rows(photo: Photo, number: int, model: Model, person: int) -> List[List[Any]]:
    """Keypoint, x, y, score and, of a calibrated model, confidence."""
    result = photo.results[number]
    table = [[name, *np.round(point, 1).tolist(), round(float(score), 3)] for name, point, score in zip(
        model.keypoints, result.keypoints[person].astype(float), result.keypoint_scores[person])]
    if result.confidences is not None:
        for row, confidence in zip(table, result.confidences[person]):
            row.append(round(float(confidence), 3))
    return table


def cut_out_person(drawn: np.ndarray, box: np.ndarray, margin: float = 0.1) -> np.ndarray:
    """What a box shows, with a margin."""
    h, w = drawn.shape[:2]
    grown = box + margin * np.array([-1, -1, 1, 1]) * np.tile(box[2:] - box[:2], 2)
    x1, y1, x2, y2 = np.clip(grown, 0, [w, h, w, h]).round().astype(int)
    return drawn[y1:max(y2, y1 + 1), x1:max(x2, x1 + 1)]


def heatmaps(photo: Photo, model: Model, person: int) -> np.ndarray:
    """The heatmap of each keypoint over the person's crop, with its name, ``(h, w, 3)`` uint8 BGR.

    Raises:
        ValueError: The model gives none.
    """
    pose_model: Any = model.predictor.pose_model
    crop = pose_model.crop(photo.image, photo.boxes[person])
    pixels, of_keypoints = pose_model.pixels_and_heatmaps(crop)
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    size = (HEATMAP_WIDTH, round(HEATMAP_WIDTH * pixels.shape[0] / pixels.shape[1]))
    grey = cv2.resize(grey, size)
    tiles = []
    for name, heatmap in zip(model.keypoints, of_keypoints):
        strength = cv2.resize(np.clip(heatmap / max(float(of_keypoints.max()), 1e-6), 0, 1), size)
        colored = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)
        tile = np.where(strength[..., None] > 0.05, 0.35 * grey + 0.65 * colored, grey).astype(np.uint8)
        tile = np.pad(tile, ((18, 2), (1, 1), (0, 0)), constant_values=255)
        cv2.putText(tile, name, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
        tiles.append(tile)
    return mosaic(tiles, min(HEATMAP_COLUMNS, len(tiles)))


def attention(photo: Photo, model: Model, person: int) -> Any:
    """A matplotlib figure of what each exchange unit weighed for a person.

    Raises:
        ValueError: The model has no attention, or is exported.
    """
    result, = predict_results_with_attention(model.predictor, [photo.image], [photo.boxes[[person]]])
    weights: Dict[str, np.ndarray] = {unit: of_unit[0] for unit, of_unit in (result.attention or {}).items()}
    return plot_person_attention(photo.image, photo.boxes[person], weights)


def stem_of(name: str) -> str:
    """A file's name without suffix, of letters that every file system takes."""
    return ''.join(letter if letter.isalnum() or letter in '-_.' else '_' for letter in Path(name).stem)[:80] or 'image'
