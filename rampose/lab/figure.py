"""An articulated, clothed figure: the posed skeleton and its picture, with exact COCO keypoints.

Spaces: body (x to the figure's left, y up, z to its front, unit: body height, origin at the pelvis) and image (x to the
right, y down, px). The camera looks at the figure from the front and is orthographic, so a larger z is nearer.
"""

from dataclasses import dataclass, field
from typing import Dict, Tuple

import cv2
import numpy as np

KEYPOINTS = ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow',
             'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee',
             'left_ankle', 'right_ankle')

# Where each keypoint lies if nothing covers it: the parts whose paint may be seen there.
_PARTS_OF_KEYPOINT = {
    'shoulder': ('torso', '{side}_upper_arm'),
    'elbow': ('{side}_upper_arm', '{side}_forearm'),
    'wrist': ('{side}_forearm', '{side}_hand'),
    'hip': ('torso', '{side}_thigh'),
    'knee': ('{side}_thigh', '{side}_shin'),
    'ankle': ('{side}_shin', '{side}_foot'),
}
_SKIN = ((205, 222, 245), (160, 190, 230), (120, 155, 205), (75, 105, 160), (45, 65, 110))  # BGR
_HAIR = ((30, 30, 35), (40, 60, 95), (90, 150, 200), (45, 80, 150), (170, 175, 180))
_PART_NAMES = ('torso', 'head') + tuple(f'{side}_{part}' for side in ('left', 'right')
                                        for part in ('upper_arm', 'forearm', 'hand', 'thigh', 'shin', 'foot'))
PART_IDS = {name: i for i, name in enumerate(_PART_NAMES)}


@dataclass
class Canvas:
    """A picture (h, w, 3), BGR, and who is seen at each px: -1 the background, else 32 * figure + part."""
    image: np.ndarray
    owner: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.owner = np.full(self.image.shape[:2], -1, dtype=np.int32)

    def paint(self, polygon: np.ndarray, colour: np.ndarray, owner: int, light: float = 1.0,
              outline: bool = False) -> None:
        """Fill a convex polygon.

        Args:
            polygon: (N, 2), image space, px.
            colour: One colour (3,), or a picture of the canvas' size that shines through.
            owner: What ``self.owner`` says there from now on.
            light: Factor on the colour.
            outline: Whether to draw a dark seam around it.
        """
        left, top = np.maximum(np.floor(polygon.min(axis=0)).astype(int) - 1, 0)
        right, bottom = np.ceil(polygon.max(axis=0)).astype(int) + 2
        roi = (slice(top, max(top, bottom)), slice(left, max(left, right)))
        image, owners = self.image[roi], self.owner[roi]
        if not image.size:
            return
        mask = np.zeros(image.shape[:2], dtype=np.uint8)
        # 4 fractional bits keep the outline where it belongs; COCO's coordinates count from px corners.
        corners = np.round((polygon - (left, top) - 0.5) * 16).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_AA, 4)
        alpha = mask[..., None] / 255
        colour = np.clip((colour[roi] if colour.ndim == 3 else colour) * light, 0, 255)
        image[:] = np.round(image * (1 - alpha) + colour * alpha).astype(np.uint8)
        if outline:
            seam = colour.reshape(-1, 3).mean(axis=0) * 0.4
            cv2.polylines(image, [corners], True, seam.tolist(), 1, cv2.LINE_AA, 4)
        owners[mask > 127] = owner


def _rotation(axis: str, degrees: float) -> np.ndarray:
    vector = np.zeros(3)
    vector['xyz'.index(axis)] = np.deg2rad(degrees)
    return cv2.Rodrigues(vector)[0]


def pose_figure(rng: np.random.Generator) -> Dict[str, np.ndarray]:
    """Draw a pose.

    Returns:
        The points of a figure by name, each (3,), in body space turned as the camera sees it: the 17 keypoints and
        ``head``, ``left_hand``, ``right_hand``, ``left_toe``, ``right_toe``.
    """
    points: Dict[str, np.ndarray] = {}
    torso = _rotation('z', rng.normal(0, 8)) @ _rotation('x', rng.normal(5, 8))
    head = torso @ _rotation('y', rng.normal(0, 10)) @ _rotation('x', rng.normal(0, 6))
    points['head'] = torso @ (0, 0.415, 0)
    points['nose'] = points['head'] + head @ (0, -0.014, 0.095)
    for side, sign in (('left', 1), ('right', -1)):
        points[f'{side}_eye'] = points['head'] + head @ (sign * 0.038, 0.022, 0.082)
        points[f'{side}_ear'] = points['head'] + head @ (sign * 0.085, 0.000, 0.000)

        shoulder = torso @ (sign * 0.115, 0.285, 0)
        # An arm hangs down; it is lifted sideways, swung forwards, and the elbow folds the forearm forwards.
        arm = torso @ _rotation('x', -rng.normal(15, 20)) @ _rotation('z', sign * rng.beta(1.2, 2.2) * 130)
        forearm = arm @ _rotation('y', sign * rng.uniform(-60, 60)) @ _rotation('x', -rng.beta(1.1, 2.2) * 120)
        points[f'{side}_shoulder'] = shoulder
        points[f'{side}_elbow'] = shoulder + arm @ (0, -0.165, 0)
        points[f'{side}_wrist'] = points[f'{side}_elbow'] + forearm @ (0, -0.145, 0)
        points[f'{side}_hand'] = points[f'{side}_wrist'] + forearm @ (0, -0.045, 0)

        hip = np.array((sign * 0.070, 0, 0))
        # Likewise a leg; the knee folds the shin backwards.
        leg = _rotation('x', -rng.normal(8, 22)) @ _rotation('z', sign * rng.beta(1.2, 3.0) * 45)
        shin = leg @ _rotation('x', rng.beta(1.0, 3.0) * 90)
        points[f'{side}_hip'] = hip
        points[f'{side}_knee'] = hip + leg @ (0, -0.235, 0)
        points[f'{side}_ankle'] = points[f'{side}_knee'] + shin @ (0, -0.225, 0)
        points[f'{side}_toe'] = points[f'{side}_ankle'] + shin @ (0, -0.035, 0.075)

    facing = rng.normal(0, 20) + (180 if rng.random() < 0.1 else 0)
    view = _rotation('z', rng.normal(0, 8)) @ _rotation('y', facing)
    return {name: view @ point for name, point in points.items()}


def _capsule(start: np.ndarray, end: np.ndarray, start_radius: float, end_radius: float) -> np.ndarray:
    """The hull of two discs: (N, 2), image space."""
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    discs = np.concatenate([start + start_radius * circle, end + end_radius * circle])
    return cv2.convexHull(discs.astype(np.float32))[:, 0]


def _cloth(rng: np.random.Generator, h: int, w: int, height: float) -> np.ndarray:
    """A picture (h, w, 3) of cloth: plain, striped or checked, in a random colour."""
    colour = rng.uniform(20, 235, 3)
    other = np.clip(colour + rng.choice([-1, 1]) * rng.uniform(40, 90, 3), 0, 255)
    period = height * rng.uniform(0.03, 0.06)
    y, x = np.arange(h)[:, None], np.arange(w)
    kind = rng.choice(['plain', 'striped', 'checked'])
    second = np.zeros((h, w), dtype=bool)
    if kind != 'plain':
        second = second ^ ((y / period) % 1 < 0.5)
    if kind == 'checked':
        second = second ^ ((x / period) % 1 < 0.5)
    return np.where(second[..., None], other, colour)


def draw_figure(canvas: Canvas, points: Dict[str, np.ndarray], pelvis: Tuple[float, float], height: float, index: int,
                rng: np.random.Generator) -> None:
    """Paint a figure on the canvas, far parts first, in clothes drawn at random.

    Args:
        canvas: What to paint on.
        points: As :func:`pose_figure` gives them.
        pelvis: Where the pelvis is, image space, px.
        height: Height of the body, px.
        index: Number of the figure, for ``canvas.owner``.
        rng: For the clothes.
    """
    h, w = canvas.image.shape[:2]
    at = {name: project(point, pelvis, height) for name, point in points.items()}
    shirt, trousers = _cloth(rng, h, w, height), _cloth(rng, h, w, height)
    skin = np.array(_SKIN[rng.integers(len(_SKIN))], dtype=float)
    hair = np.array(_HAIR[rng.integers(len(_HAIR))], dtype=float)
    shoes = rng.uniform(10, 90, 3)
    sleeve = shirt if rng.random() < 0.5 else skin
    leg = trousers if rng.random() < 0.7 else skin

    def limb(start, end, start_radius, end_radius):
        return _capsule(at[start], at[end], start_radius * height, end_radius * height)

    def depth(*names):
        return float(np.mean([points[name][2] for name in names]))

    corners = [at[f'{side}_{kind}'] for kind in ('shoulder', 'hip') for side in ('left', 'right')]
    discs = [_capsule(corner, corner, radius * height, radius * height)
             for corner, radius in zip(corners, (0.045, 0.045, 0.055, 0.055))]
    torso = cv2.convexHull(np.concatenate(discs))[:, 0]
    parts = [(depth('left_shoulder', 'right_shoulder', 'left_hip', 'right_hip'), 'torso', torso, shirt),
             (depth('head') + 0.01, 'head', None, None)]
    for side in ('left', 'right'):
        shoulder, elbow, wrist, hand, hip, knee, ankle, toe = (
            f'{side}_{name}' for name in ('shoulder', 'elbow', 'wrist', 'hand', 'hip', 'knee', 'ankle', 'toe'))
        parts += [
            (depth(shoulder, elbow), f'{side}_upper_arm', limb(shoulder, elbow, 0.040, 0.032), shirt),
            (depth(elbow, wrist), f'{side}_forearm', limb(elbow, wrist, 0.031, 0.023), sleeve),
            (depth(wrist, hand) + 0.001, f'{side}_hand', limb(wrist, hand, 0.022, 0.027), skin),
            (depth(hip, knee) - 0.02, f'{side}_thigh', limb(hip, knee, 0.058, 0.043), trousers),
            (depth(knee, ankle) - 0.02, f'{side}_shin', limb(knee, ankle, 0.041, 0.028), leg),
            (depth(ankle, toe) - 0.01, f'{side}_foot', limb(ankle, toe, 0.029, 0.024), shoes),
        ]
    # Limbs of one cloth would melt into each other: the farther ones lie in shadow.
    shade = dict(zip(sorted(part[0] for part in parts), np.linspace(0.72, 1.08, len(parts))))
    for z, name, polygon, colour in sorted(parts, key=lambda part: part[0]):
        owner = 32 * index + PART_IDS[name]
        if name == 'head':
            _draw_head(canvas, points, at, height, owner, skin, hair)
        else:
            canvas.paint(polygon, colour, owner, shade[z], outline=True)
        if name == 'torso':
            _draw_collar(canvas, points, at, owner, skin)


def _draw_collar(canvas: Canvas, points: dict, at: dict, owner: int, skin: np.ndarray) -> None:
    """The open collar, which tells the front from the back."""
    neck = (at['left_shoulder'] + at['right_shoulder']) / 2
    to_left = points['left_shoulder'] - points['right_shoulder']
    if to_left[0] > 0.06:  # its left is to the right of the picture: we see its front
        belly = (at['left_hip'] + at['right_hip']) / 2
        tip = neck + 0.45 * (belly - neck)
        half = (at['left_shoulder'] - at['right_shoulder']) * 0.22
        canvas.paint(np.stack([neck + half, neck - half, tip]).astype(np.float32), skin, owner)


def _draw_head(canvas: Canvas, points: dict, at: dict, height: float, owner: int, skin: np.ndarray,
               hair: np.ndarray) -> None:
    """A neck, hair all over, a face where it is turned to the camera, ears, eyes and a nose."""
    centre, radius = at['head'], 0.089 * height
    neck = (at['left_shoulder'] + at['right_shoulder']) / 2
    canvas.paint(_capsule(neck, centre, 0.034 * height, 0.034 * height), skin, owner, light=0.8)
    middle = (at['left_eye'] + at['right_eye']) / 2
    for side in ('left', 'right'):
        ear = at[f'{side}_ear']
        canvas.paint(_capsule(ear, ear, 0.022 * height, 0.022 * height), skin, owner, light=0.9)
    canvas.paint(_capsule(centre, centre, radius, radius * 1.02), hair, owner)
    towards = points['nose'][2] - points['head'][2]
    if towards > 0.01:
        face = centre + (middle - centre) * 0.35 + (0, 0.022 * height)
        canvas.paint(_capsule(face, face + (0, 0.015 * height), 0.071 * height, 0.063 * height), skin, owner)
        nose, size = at['nose'], 0.014 * height
        canvas.paint(_capsule(nose, nose - (0, 0.024 * height), size, size * 0.6), skin, owner, light=0.5)
        for side in ('left', 'right'):
            if points[f'{side}_eye'][2] > points['head'][2]:
                eye = at[f'{side}_eye']
                canvas.paint(_capsule(eye, eye, size * 1.5, size * 1.5), np.full(3, 245.0), owner)
                canvas.paint(_capsule(eye, eye, size * 0.9, size * 0.9), np.full(3, 25.0), owner)
    for side in ('left', 'right'):
        if points[f'{side}_ear'][2] > points['head'][2]:
            ear = at[f'{side}_ear']
            canvas.paint(_capsule(ear, ear, 0.020 * height, 0.024 * height), skin, owner, light=0.9)


def project(point: np.ndarray, pelvis: Tuple[float, float], height: float) -> np.ndarray:
    """Body space to image space: (3,) to (2,), px."""
    return np.array([pelvis[0] + height * point[0], pelvis[1] - height * point[1]])


def keypoints_of(canvas: Canvas, points: Dict[str, np.ndarray], pelvis: Tuple[float, float], height: float,
                 index: int) -> np.ndarray:
    """The 17 keypoints of a figure on the finished canvas.

    Returns:
        (17, 3): x and y in image space, px, and v as COCO uses it: 0 outside the picture (x = y = 0), 1 in the picture
        but covered by something, by another figure or by the figure itself, 2 visible.
    """
    h, w = canvas.owner.shape
    keypoints = np.zeros((len(KEYPOINTS), 3))
    for row, name in zip(keypoints, KEYPOINTS):
        x, y = project(points[name], pelvis, height)
        if 0 <= x < w and 0 <= y < h:
            row[:] = x, y, 2 if _is_visible(canvas.owner[int(y), int(x)], points, name, index) else 1
    return keypoints


def _is_visible(owner: int, points: Dict[str, np.ndarray], name: str, index: int) -> bool:
    side, _, kind = name.partition('_')
    if kind in _PARTS_OF_KEYPOINT:
        return owner in [32 * index + PART_IDS[part.format(side=side)] for part in _PARTS_OF_KEYPOINT[kind]]
    # Nose, eyes and ears lie on the head, and are seen from the side of the head that they are on.
    return owner == 32 * index + PART_IDS['head'] and points[name][2] > points['head'][2] - 0.01
