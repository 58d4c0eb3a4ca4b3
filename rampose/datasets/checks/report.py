"""What a check found."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Dict, List, Set, Tuple

# Each kind of problem, and what `cleaned` does about it.
KINDS = {
    'id that is no number': 'an id is text or a fraction, which COCO\'s tools cannot take; all are numbered anew',
    'missing image': 'the file is not there; dropped with its annotations',
    'unreadable image': 'the file is damaged, truncated or no picture; dropped with its annotations',
    'other image size': 'the file has other sides than the JSON says; the JSON is set right',
    'image without size': 'the JSON has no width or height above 0, which training needs; taken from the file',
    'duplicate image id': 'two images have one id; the first is kept',
    'duplicate annotation id': 'two annotations have one id; the first is kept',
    'unknown image': 'an annotation of an image that the JSON does not list; dropped',
    'unknown category': 'an annotation of a category that the JSON does not list; dropped',
    'category without keypoints': 'a category names no keypoints; left as it is',
    'category with other keypoints': "a category has another number of keypoints than the config's metainfo; left",
    'keypoints in another order': "the JSON names the metainfo's keypoints in another order, so that flips swap wrong "
                                  'ones; left',
    'keypoints of other names': "the JSON's names of keypoints are not the metainfo's; see whether they mean the same; "
                                'left',
    'nobody to train on': 'no annotation has a labelled keypoint and a box; left',
    'crowd flag that is no number': 'iscrowd is other than 0 and 1; it becomes 0 or 1',
    'wrong number of keypoints': 'an annotation has too few or too many numbers in keypoints; dropped',
    'keypoint not a number': 'a coordinate is NaN or infinite; the keypoint becomes unlabelled',
    'visibility other than 0, 1, 2': 'it would weigh the loss; below 0 it becomes 0, above 2 it becomes 2',
    'keypoint outside the image': 'a labelled keypoint lies outside; it becomes unlabelled',
    'keypoint at (0, 0)': 'a labelled keypoint lies in the corner, where programs put what is not there; it becomes '
                          'unlabelled',
    'num_keypoints disagrees': 'num_keypoints is not the number of labelled keypoints; it is counted anew',
    'bad box': 'the box is missing, empty, negative or not a number; dropped',
    'box without its keypoints': 'none of the labelled keypoints lies in the box; left',
    'boxes of another form': 'most people\'s keypoints lie outside of their boxes: are boxes x, y, width, height, and '
                             'keypoints in px? Left',
    'keypoints in shares of the image': 'no coordinate exceeds 1: keypoints are to be in px; left',
    'area missing or 0': 'AP divides by it; set to 0.53 of the box, as in MMPose\'s own conversions',
    'left and right contradict': 'shoulders and hips point opposite ways in more than 5 % of the people; left',
    'pair swapped': 'a pair of left and right is the other way round in most of the people; left',
    'train and val overlap': 'the same file is in the other split, too; left as it is',
    'detection of unknown image': 'a detection of an image that the JSON does not list; not ours to mend',
    'bad detection': 'a detection without usable box or score; not ours to mend',
    'equal detection scores': 'all scores are equal, so AP cannot rank people; not ours to mend',
    'detections of no person': 'MMPose takes detections of category 1 alone, and there are none; not ours to mend',
}
# What stops a training run sooner or later, or makes its loss or its AP wrong: none is started with it.
SPOIL = {'id that is no number', 'image without size', 'category with other keypoints', 'keypoints in another order',
         'nobody to train on', 'crowd flag that is no number', 'wrong number of keypoints', 'keypoint not a number',
         'visibility other than 0, 1, 2', 'boxes of another form', 'keypoints in shares of the image',
         'area missing or 0', 'detection of unknown image', 'detections of no person'}
NUM_EXAMPLES = 10


@dataclass
class Report:
    """What was found.

    Attributes:
        counts: Number of problems by kind.
        examples: A few of each, as text.
        by_annotation: Kinds of problems of each annotation, by its position in the file.
        by_image: Kinds of problems of each image, likewise.
        sizes: (w, h) that the files have, by the image's position in the file.
        images_opened: Whether the images were looked at, too.
    """
    num_images: int = 0
    num_annotations: int = 0
    counts: Dict[str, int] = field(default_factory=dict)
    examples: Dict[str, List[str]] = field(default_factory=dict)
    by_annotation: Dict[int, Set[str]] = field(default_factory=lambda: defaultdict(set))
    by_image: Dict[int, Set[str]] = field(default_factory=lambda: defaultdict(set))
    sizes: Dict[int, Tuple[int, int]] = field(default_factory=dict)
    images_opened: bool = False

    def add(self, kind: str, example: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < NUM_EXAMPLES:
            examples.append(example)

    def spoiling(self) -> List[str]:
        """The kinds that no training run is started with."""
        return [kind for kind in KINDS if kind in self.counts and kind in SPOIL]

    def add_images(self, other: 'Report') -> None:
        """Take what another report found in the images."""
        for kind, count in other.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count
            self.examples[kind] = (self.examples.get(kind, []) + other.examples[kind])[:NUM_EXAMPLES]
        for i, kinds in other.by_image.items():
            self.by_image[i] |= kinds
        self.sizes.update(other.sizes)
        self.images_opened = True

    def as_dict(self) -> Dict[str, Any]:
        """For JSON."""
        return dict(images=self.num_images, annotations=self.num_annotations, images_opened=self.images_opened,
                    problems={
            kind: dict(count=self.counts[kind], meaning=KINDS[kind], examples=self.examples[kind])
            for kind in KINDS if kind in self.counts})
