"""Detections that a test takes its boxes from."""

from .annotations import is_box, is_number
from .report import Report


def check_detections(detections: list, content: dict, report: Report) -> None:
    """Look at the detections that a test takes its boxes from; adds to the report."""
    known = {image['id'] for image in content['images']}
    scores, categories = set(), set()
    for i, entry in enumerate(detections):
        score = entry.get('score')
        categories.add(entry.get('category_id'))
        if entry.get('image_id') not in known:
            report.add('detection of unknown image', f'detections[{i}] of image {entry.get("image_id")}')
        if not is_box(entry.get('bbox')) or not is_number(score):
            report.add('bad detection', f'detections[{i}]: box {entry.get("bbox")}, score {score}')
        else:
            scores.add(score)
    if len(detections) > 1 and len(scores) == 1:
        report.add('equal detection scores', f'all {len(detections)} have {scores.pop()}')
    if 1 not in categories:
        report.add('detections of no person', f'{len(detections)} detections of the categories '
                                              f'{sorted(categories, key=str)}')
