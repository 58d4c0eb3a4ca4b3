"""The page's parts and what happens when they are touched, in Gradio."""

import functools
import json
import math
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import cv2
import gradio as gr
import numpy as np

from ...core.images import UnreadableError, read_image
from ..records import as_instances, rounded
from . import downloads
from .film import FilmJob
from .photo import Look, Model, Photo, analyse, attention, cut_out_person, draw, heatmaps, person_at, rows

EVERYBODY = 'everybody'
PICK, DRAW = 'chooses a person', 'draws a box: two corners'
NETWORK = 'network'  # what runs one after another
SHOWN_SIDE = 1600  # px at most of a drawing on the page; what is taken away has all of them
SESSION_S = 3600  # after which what a visitor left is forgotten
QUEUE = 32
NO_IMAGE = 'There is no image: drop one, paste one, or take one with the camera'
BOX_COLUMNS = ['x1', 'y1', 'x2', 'y2']
# How films begin. Others, such as playlists, name files that FFmpeg would open.
FILM_MARKS = (*((4, mark) for mark in (b'ftyp', b'moov', b'mdat', b'wide', b'free', b'skip')),
              (0, b'\x1aE\xdf\xa3'), (8, b'AVI '), (0, b'FLV'), (0, b'\x00\x00\x01\xba'), (0, b'G@'))
# Nothing from elsewhere, and no page of others that shows this one in a frame.
POLICY = ("default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
          "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
          "worker-src 'self' blob:; connect-src 'self' data: blob:; font-src 'self' data:; frame-ancestors 'none'")


@dataclass(frozen=True)
class Limits:
    """What the page takes.

    Attributes:
        max_bytes: Of an image.
        max_pixels: Of an image; larger ones are not decoded.
        max_film_bytes: Of a film.
        max_frames: Of a film; it ends after so many.
        max_film_pixels: Of a frame.
    """
    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_film_bytes: int = 500_000_000
    max_frames: int = 3000
    max_film_pixels: int = 4096 * 2304


def _as_file(part: Any) -> Any:
    """Let a part of the page give what arrives as the file that it is; Gradio would decode it, whatever its size."""
    def path_of(payload: Any) -> Optional[str]:
        return None if payload is None else getattr(payload, 'video', payload).path

    part.preprocess = path_of
    return part


def _picture(label: str, **options: Any) -> gr.Image:
    """An image that is shown, with the text that readers of screens need."""
    return gr.Image(label=label, alt_text=label, interactive=False, **options)


class _Refused(gr.Error):
    """A message that the visitor sees, and that stays until it is closed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, duration=None, print_exception=False)


def _told(function: Callable) -> Callable:
    """What goes wrong with what a visitor gave is told."""

    @functools.wraps(function)
    def wrapped(*args: Any) -> Any:
        try:
            return function(*args)
        except (ValueError, OSError) as error:
            raise _Refused(str(error).replace(tempfile.gettempdir(), '').strip()) from None

    return wrapped


def _noted(function: Callable) -> Callable:
    """What goes wrong with a box is said below the drawing, and all stays as it was."""

    @functools.wraps(function)
    def wrapped(*args: Any) -> Tuple:
        try:
            return function(*args)
        except ValueError as error:
            return (gr.skip(), None, gr.skip(), gr.skip(), f'**{error}**', gr.skip(), gr.skip())

    return wrapped


class Page:
    """A page to try models on images and films.

    Args:
        models: One, or two to compare.
        detector: How people are found.
        example: An image that it opens with, and the boxes ``(N, 4)`` xyxy in it.
        limits: What it takes.
        folder: Where files that visitors take away are made; its owner removes it.
    """

    def __init__(self, models: Sequence[Model], detector: downloads.Detection, example: Tuple[np.ndarray, np.ndarray],
                 limits: Limits, folder: Path) -> None:
        self._models, self._detector, self._limits = list(models), detector, limits
        self._folder = folder
        self._example = analyse(self._models, 'example.png', *example)
        self._ellipses = any(model.predictor.uncertainty for model in models)
        self._attention = any(hasattr(model.predictor.pose_model, 'model') for model in models)
        self.blocks = self._lay_out()

    @property
    def max_bytes(self) -> int:
        """Of any upload."""
        return max(self._limits.max_bytes, self._limits.max_film_bytes)

    # What is where.

    def _lay_out(self) -> gr.Blocks:
        with gr.Blocks(title='rampose', analytics_enabled=False, delete_cache=(600, SESSION_S)) as blocks:
            gr.Markdown('# rampose\nFind the keypoints of people. Everything runs on the machine that this page comes '
                        'from; images and films are forgotten an hour after you leave.')
            with gr.Tab('Image'):
                self._lay_out_image(blocks)
            with gr.Tab('Film'):
                self._lay_out_film()
            self._lay_out_api()
        return blocks.queue(max_size=QUEUE, default_concurrency_limit=4, api_open=False)

    def _lay_out_image(self, blocks: gr.Blocks) -> None:
        names = [model.name for model in self._models]
        photo = gr.State(time_to_live=SESSION_S)
        corner = gr.State(time_to_live=SESSION_S)
        with gr.Row():
            with gr.Column(scale=1, min_width=300):
                image = _as_file(gr.Image(
                    label='Image', type='filepath', sources=['upload', 'clipboard', 'webcam'], height=320,
                    elem_id='image', buttons=[]))
                which = gr.Radio(names, value=names[0], label='Model', visible=len(names) > 1, elem_id='model')
                person = gr.Radio([EVERYBODY], value=EVERYBODY, label='Person', elem_id='person')
                threshold = gr.Slider(0, 1, self._models[0].min_keypoint_score, step=0.01, elem_id='threshold',
                                      label='Show keypoints with scores from')
                width = gr.Slider(0.5, 4, 1, step=0.25, label='Width of lines', elem_id='width')
                with gr.Row():
                    show_boxes = gr.Checkbox(True, label='Boxes', elem_id='show-boxes')
                    ellipses = gr.Checkbox(False, label='Where each keypoint is, with a chance of 80 %',
                                           visible=self._ellipses, elem_id='ellipses')
            with gr.Column(scale=2, min_width=320):
                drawing = _picture('What was found', format='jpeg', elem_id='drawing',
                                   buttons=['fullscreen'])
                message = gr.Markdown(elem_id='message')
                click = gr.Radio([PICK, DRAW], value=PICK, label='A click on the drawing', elem_id='click')
        slider = gr.ImageSlider(label=' | '.join(names), format='jpeg', visible=len(names) > 1, elem_id='slider')
        with gr.Accordion('Boxes', open=False, elem_id='boxes-part'):
            gr.Markdown('In px of the image, corners at the top left and the bottom right. Change numbers, empty a row '
                        'to remove its box, or draw a box by two clicks on the drawing.')
            boxes = gr.Dataframe(headers=BOX_COLUMNS, datatype='number', type='array', column_count=4,
                                 interactive=True, label='Boxes', elem_id='boxes')
            with gr.Row():
                take = gr.Button('Take these boxes', elem_id='take-boxes')
                whole = gr.Button('The whole image is one person', elem_id='whole')
                detect = gr.Button('Find people again', elem_id='detect')
        with gr.Accordion('One person', open=False, elem_id='details') as details:
            with gr.Row():
                alone = _picture('The person', format='jpeg', elem_id='alone', buttons=[])
                table = gr.Dataframe(headers=['keypoint', 'x', 'y', 'score', *['confidence'] * self._ellipses],
                                     label='Keypoints', interactive=False, elem_id='keypoints')
            maps = _picture('Heatmaps', format='jpeg', elem_id='heatmaps', buttons=[])
            weights = _picture('What attention weighed', format='png', elem_id='attention',
                               visible=self._attention, buttons=[])
        with gr.Accordion('Take away', open=False, elem_id='take-away'):
            make = gr.Button('Make the files: JSON, COCO, CSV, drawing', elem_id='make')
            files = gr.File(label='Files', file_count='multiple', interactive=False, elem_id='files')
            python = gr.Code(language='python', label='The same in Python', interactive=False, elem_id='python')
            shell = gr.Code(language='shell', label='The same as a command', interactive=False, elem_id='shell')

        look: List[Any] = [threshold, width, show_boxes, ellipses]
        found = [photo, corner, person, boxes, message, python, shell]
        drawn = [drawing, slider]
        network: Dict[str, Any] = dict(concurrency_limit=1, concurrency_id=NETWORK, api_visibility='private')
        light: Dict[str, Any] = dict(api_visibility='private', show_progress='hidden')
        redraw: Dict[str, Any] = dict(fn=self._draw, inputs=[photo, which, person, *look], outputs=drawn)

        def then_show(event: Any) -> None:
            event.then(**redraw, **light)

        blocks.load(self._open, [threshold], found, **light).then(**redraw, **light)
        then_show(image.change(self._analyse_file, [image, which, threshold], found, **network))
        then_show(take.click(self._analyse_boxes, [photo, boxes, which, threshold], found, **network))
        then_show(whole.click(self._analyse_whole, [photo, which, threshold], found, **network))
        then_show(detect.click(self._analyse_again, [photo, which, threshold], found, **network))
        then_show(drawing.select(self._click, [photo, click, corner, boxes, which, person, threshold], found,
                                 **network))
        for part in look:
            part.input(**redraw, trigger_mode='always_last', **light)
        of_person: Dict[str, Any] = dict(fn=self._details, inputs=[photo, which, person, *look],
                                         outputs=[details, alone, table, maps, weights])
        for part in (person, which):
            part.change(**redraw, **light).then(**of_person, **network)
        which.change(self._say, [photo, which, threshold], [python, shell], **light)
        make.click(self._files, [photo, which, person, *look], files, **network)

    def _lay_out_film(self) -> None:
        names = [model.name for model in self._models]
        job = gr.State(time_to_live=SESSION_S)
        with gr.Row():
            with gr.Column():
                film = _as_file(gr.Video(label='Film', sources=['upload'], elem_id='film', height=300))
                which = gr.Radio(names, value=names[0], label='Model', visible=len(names) > 1)
                track = gr.Checkbox(True, label='Number people', elem_id='track')
                threshold = gr.Slider(0, 1, self._models[0].min_keypoint_score, step=0.01,
                                      label='Draw keypoints with scores from')
                with gr.Row():
                    start = gr.Button('Start', variant='primary', elem_id='start')
                    stop = gr.Button('Stop', elem_id='stop')
            with gr.Column():
                drawn = gr.Video(label='What was found', interactive=False, elem_id='drawn-film', height=300)
                progress = gr.Markdown('The whole film is drawn, up to '
                                       f'{self._limits.max_frames} frames.', elem_id='progress')
        tracks = gr.Dataframe(headers=['person', 'first seen, s', 'last seen, s', 'frames'], interactive=False,
                              label='People', elem_id='tracks')
        files = gr.File(label='Files', file_count='multiple', interactive=False, elem_id='film-files')
        start.click(self._run_film, [film, which, track, threshold], [job, progress, drawn, tracks, files],
                    concurrency_limit=1, concurrency_id=NETWORK, api_visibility='private', show_progress='minimal')
        stop.click(lambda running: running.stop() if running else None, job, None, queue=False,
                   api_visibility='private')

    def _lay_out_api(self) -> None:
        image = _as_file(gr.Image(label='image', type='filepath', visible=False))
        boxes = gr.Textbox(label='boxes', visible=False)
        answer = gr.JSON(label='people', visible=False)
        button = gr.Button(visible=False)
        button.click(self._answer, [image, boxes], answer, concurrency_limit=1, concurrency_id=NETWORK,
                     api_name='predict', api_description='The people of an image: width, height, and of each instance '
                     'its box, keypoints and scores in px. boxes: JSON [[x1, y1, x2, y2], ...], or empty for the '
                     "detector's.")

    # What happens. Each gives values for parts, in their order.

    def _number(self, name: str) -> int:
        return [model.name for model in self._models].index(name)

    def _read(self, path: str) -> np.ndarray:
        size = Path(path).stat().st_size
        if size > self._limits.max_bytes:
            raise ValueError(f'The file has {size / 1e6:.0f} MB; at most {self._limits.max_bytes / 1e6:g} are taken')
        try:
            return read_image(path, self._limits.max_pixels)
        except UnreadableError as error:
            raise ValueError(str(error).replace(path, Path(path).name)) from None

    def _open(self, threshold: float) -> Tuple:
        return self._found(self._example, self._models[0].name, threshold)

    def _analyse_file(self, path: Optional[str], which: str, threshold: float) -> Tuple:
        if path is None:
            return self._nothing()
        try:
            image = self._read(path)
            h, w = image.shape[:2]
            whole = None if self._models[0].predictor.has_detector else [[0, 0, w, h]]
            return self._found(analyse(self._models, Path(path).name, image, whole), which, threshold)
        except ValueError as error:
            return self._nothing(f'**{error}**')

    @staticmethod
    def _nothing(message: str = '') -> Tuple:
        return None, None, gr.Radio(choices=[EVERYBODY], value=EVERYBODY), None, message, '', ''

    @_noted
    def _analyse_boxes(self, photo: Optional[Photo], boxes: List[List[Any]], which: str, threshold: float) -> Tuple:
        photo = self._needed(photo)
        return self._found(analyse(self._models, photo.name, photo.image, _as_boxes(boxes)), which, threshold)

    @_noted
    def _analyse_whole(self, photo: Optional[Photo], which: str, threshold: float) -> Tuple:
        photo = self._needed(photo)
        h, w = photo.image.shape[:2]
        return self._found(analyse(self._models, photo.name, photo.image, [[0, 0, w, h]]), which, threshold)

    @_noted
    def _analyse_again(self, photo: Optional[Photo], which: str, threshold: float) -> Tuple:
        photo = self._needed(photo)
        return self._found(analyse(self._models, photo.name, photo.image), which, threshold)

    def _click(self, photo: Optional[Photo], click: str, corner: Optional[Tuple[float, float]],
               boxes: List[List[Any]], which: str, person: str, threshold: float, event: gr.SelectData) -> Tuple:
        return self._clicked(photo, click, corner, boxes, which, person, threshold, event.index)

    @_noted
    def _clicked(self, photo: Optional[Photo], click: str, corner: Optional[Tuple[float, float]],
                 boxes: List[List[Any]], which: str, person: str, threshold: float, at: Sequence[float]) -> Tuple:
        photo = self._needed(photo)
        x, y = (value / _shown_scale(photo.image) for value in at)
        same = (photo, None, gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip())
        if click == PICK:
            number = person_at(photo, self._number(which), x, y)
            if number is None:
                return (*same[:2], EVERYBODY, *same[3:])
            return (*same[:2], _name_of(number), *same[3:])
        if corner is None:
            return (photo, (x, y), *same[2:4], f'A corner at {x:.0f}, {y:.0f}; now click the opposite one.', *same[5:])
        x1, x2 = sorted((corner[0], x))
        y1, y2 = sorted((corner[1], y))
        return self._found(analyse(self._models, photo.name, photo.image, [*_as_boxes(boxes), [x1, y1, x2, y2]]),
                           which, threshold)

    @staticmethod
    def _needed(photo: Optional[Photo]) -> Photo:
        if photo is None:
            raise ValueError(NO_IMAGE)
        return photo

    def _found(self, photo: Photo, which: str, threshold: float) -> Tuple:
        """What is known of an image once it is analysed."""
        number = len(photo.boxes)
        h, w = photo.image.shape[:2]
        people = 'Nobody was found' if not number else '1 person' if number == 1 else f'{number} people'
        hint = '' if number else ': draw boxes, or take the whole image for one person, under *Boxes*'
        return (photo, None, gr.Radio(choices=[EVERYBODY, *map(_name_of, range(number))], value=EVERYBODY),
                np.round(photo.boxes.astype(float), 1).tolist(), f'{people} in {w}x{h} px{hint}.',
                *self._say(photo, which, threshold))

    def _say(self, photo: Optional[Photo], which: str, threshold: float) -> Tuple[str, str]:
        if photo is None:
            return '', ''
        model = self._models[self._number(which)]
        return downloads.code(photo, model, self._detector), downloads.command(photo, model, self._detector, threshold)

    def _draw(self, photo: Optional[Photo], which: str, person: str, *look: Any) -> Tuple:
        if photo is None:
            return None, None
        chosen = _look(person, *look)
        shown = [_shown(draw(photo, number, model, chosen)) for number, model in enumerate(self._models)
                 if len(self._models) > 1 or number == self._number(which)]
        drawing = shown[self._number(which)] if len(shown) > 1 else shown[0]
        return drawing, (tuple(shown[:2]) if len(shown) > 1 else None)

    @_told
    def _details(self, photo: Optional[Photo], which: str, person: str, *look: Any) -> Tuple:
        chosen = _look(person, *look)
        if photo is None or chosen.person is None:
            return gr.Accordion(open=False), None, None, None, None
        number = self._number(which)
        model = self._models[number]
        alone = cut_out_person(draw(photo, number, model, chosen), photo.boxes[chosen.person])
        try:
            maps = heatmaps(photo, model, chosen.person)[..., ::-1]
        except ValueError:  # it gives none
            maps = None
        return (gr.Accordion(open=True), _shown(alone), rows(photo, number, model, chosen.person), maps,
                self._attention_of(photo, model, chosen.person))

    def _attention_of(self, photo: Photo, model: Model, person: int) -> Optional[np.ndarray]:
        if not hasattr(model.predictor.pose_model, 'model'):
            return None
        try:
            figure = attention(photo, model, person)
        except ValueError:  # it has none
            return None
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]

    def _files(self, photo: Optional[Photo], which: str, person: str, *look: Any) -> Iterator[List[str]]:
        if photo is None:
            raise _Refused(NO_IMAGE)
        number = self._number(which)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            yield [str(path) for path in downloads.write_files(
                photo, number, self._models[number], _look(person, *look), Path(folder))]

    def _run_film(self, path: Optional[str], which: str, track: bool, threshold: float) -> Iterator[Tuple]:
        try:
            yield from self._draw_film(path, which, track, threshold)
        except (ValueError, OSError) as error:
            yield None, f'**{str(error).replace(str(path), Path(str(path)).name)}**', None, None, None

    def _draw_film(self, path: Optional[str], which: str, track: bool, threshold: float) -> Iterator[Tuple]:
        if path is None:
            raise ValueError('There is no film: drop one')
        _check_film(Path(path), self._limits)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            job = FilmJob(self._models[self._number(which)], Path(path), folder / 'results', track,
                          self._limits.max_frames, self._detector.min_score, threshold)
            yield job, 'It begins.', None, None, None
            for progress in job():
                yield job, progress, gr.skip(), gr.skip(), gr.skip()
            cut = (' It was stopped there.' if job.was_stopped else
                   f' It ends after {job.frames} frames, which is all that is taken.'
                   if job.frames >= self._limits.max_frames else '')
            drawn = str(job.drawn)
            yield (None, f'{job.frames} frames, {job.people} people.{cut}', drawn, job.tracks() if track else None,
                   [drawn, str(job.records)])
        finally:  # Gradio has copies of what is shown
            shutil.rmtree(folder, ignore_errors=True)

    @_told
    def _answer(self, path: Optional[str], boxes: str) -> Dict[str, Any]:
        if path is None:
            raise ValueError('there is no image')
        image = self._read(path)
        try:
            given = json.loads(boxes) if boxes else None
            if not isinstance(given, (list, type(None))):
                raise ValueError
        except (ValueError, RecursionError):
            raise ValueError(f'got boxes {boxes[:100]!r}; needed is JSON [[x1, y1, x2, y2], ...]') from None
        photo = analyse(self._models[:1], Path(path).name, image, None if given is None else _as_boxes(given))
        h, w = image.shape[:2]
        return dict(width=w, height=h, keypoints=self._models[0].keypoints,
                    instances=as_instances(rounded(photo.results[0])))


def _look(person: str, threshold: float, width: float, boxes: bool, ellipses: bool) -> Look:
    number = None if person in (None, EVERYBODY) else int(person) - 1
    return Look(float(threshold), float(width), bool(boxes), bool(ellipses), number)


def _name_of(number: int) -> str:
    """Of a person; visitors count from 1."""
    return str(number + 1)


def _shown_scale(image: np.ndarray) -> float:
    return min(1., SHOWN_SIDE / max(image.shape[:2]))


def _shown(drawn: np.ndarray) -> np.ndarray:
    """As it is sent to the page: RGB, of at most :data:`SHOWN_SIDE`."""
    scale = _shown_scale(drawn)
    if scale < 1:
        drawn = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return drawn[..., ::-1]


def _as_boxes(table: Sequence[Sequence[Any]]) -> List[List[float]]:
    """The rows of a table that are filled.

    Raises:
        ValueError: A row is filled in part, or with something else than numbers.
    """
    boxes = []
    for number, row in enumerate(table, 1):
        try:
            values = [float(value) for value in row if value not in (None, '')]
            usable = len(values) == 4 and all(map(math.isfinite, values))
        except (TypeError, ValueError):
            values, usable = [0.], False
        if values and not usable:
            raise ValueError(f'row {number} of the boxes is {str(row)[:60]}; needed are four numbers')
        if values:
            boxes.append(values)
    return boxes


def _check_film(path: Path, limits: Limits) -> None:
    size = path.stat().st_size
    if size > limits.max_film_bytes:
        raise ValueError(f'The film has {size / 1e6:.0f} MB; at most {limits.max_film_bytes / 1e6:g} are taken')
    with path.open('rb') as file:
        head = file.read(16)
    if not any(head[at:at + len(mark)] == mark for at, mark in FILM_MARKS):
        raise ValueError(f'{path.name} is no film of a kind that is known: MP4, MOV, WebM, MKV, AVI, FLV, MPEG')
    film = cv2.VideoCapture(str(path))
    w, h = (int(film.get(what)) for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    film.release()
    if w * h > limits.max_film_pixels:
        raise ValueError(f'The film has {w}x{h} px; at most {limits.max_film_pixels / 1e6:g} million are taken')
