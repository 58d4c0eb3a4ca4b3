"""examples:
  rampose app
  rampose app --model horses/model.onnx --detector none
  rampose app --model efficientnet-lite0.onnx --model mine.onnx        two models side by side

Opens a page in the browser to try models on images and films: drop a photograph, see everybody's skeleton, click a
person for the heatmaps, take the results away. Nothing leaves this machine. Ctrl-C ends it, and removes what visitors
left.
"""

import argparse
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .console import warn
from .default_detector import default_detector
from .serve import LOCAL
from .statuses import DONE, before_the_work, check_least, unusable

NONE = 'none'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--model', action='append', metavar='MODEL',
                        help='what `rampose export` wrote, or a name that `rampose weights` lists; twice, to compare '
                             '(default: the model that comes with rampose)')
    parser.add_argument('--attention', action='store_true',
                        help='open named models in PyTorch, which shows what attention weighed')
    parser.add_argument('--detector', metavar='NAME',
                        help="as of `rampose predict` (default: yolox-nano); 'none' takes boxes from visitors alone")
    parser.add_argument('--det-category', default='person', metavar='NAME', help='what to find (default: person)')
    parser.add_argument('--min-score', type=float, default=0.3, metavar='S',
                        help='leave out boxes of lower scores (default: 0.3)')
    parser.add_argument('--device', help='cpu, cuda:0, ...; default: a GPU where there is one')
    parser.add_argument('--host', default='127.0.0.1', metavar='ADDRESS',
                        help='0.0.0.0 opens it to everybody who reaches this machine (default: 127.0.0.1)')
    parser.add_argument('--port', type=int, default=7860, help='0 for any that is free (default: 7860)')
    parser.add_argument('--share', action='store_true',
                        help="also at an address that everybody on the internet can open, by way of Gradio's servers")
    parser.add_argument('--no-browser', action='store_true', help='do not open the browser')
    parser.add_argument('--max-mb', type=float, default=20, metavar='N', help='of an image (default: 20)')
    parser.add_argument('--max-megapixels', type=float, default=50, metavar='N', help='of an image (default: 50)')
    parser.add_argument('--max-film-mb', type=float, default=500, metavar='N', help='of a film (default: 500)')
    parser.add_argument('--max-frames', type=int, default=3000, metavar='N',
                        help='of a film, which ends there (default: 3000)')


def open_models(args: argparse.Namespace, detector: Any) -> List[Any]:
    """The models; the first has the detector."""
    from ..apis import TopdownPredictor
    from ..checkpoints.zoo import default_name, find_weights
    from ..prediction.drawing import MIN_KEYPOINT_SCORE
    from ..prediction.page.photo import Model
    models: List[Any] = []
    for place in args.model or [default_name()]:
        named = not Path(place).suffix and not Path(place).exists()
        options: Dict[str, Any] = dict(backend='torch') if args.attention and named else {}
        own: Dict[str, Any] = dict(device=args.device, detector=detector if not models else None)
        predictor = TopdownPredictor(place, **own, **options)
        if getattr(predictor.pose_model, 'calibration', None) is not None:
            options['uncertainty'] = True
            predictor = TopdownPredictor(place, **own, **options)
        info = getattr(predictor.pose_model, 'info', None)
        least = (find_weights(place).min_keypoint_score if named else
                 getattr(info, 'min_keypoint_score', None) or MIN_KEYPOINT_SCORE)
        models.append(Model(place, predictor, least, options))
    if len(models) > 2 or len({model.name for model in models}) < len(models):
        raise unusable(f'got the models {", ".join(args.model)}; needed are one, or two that are not the same')
    return models


def open_detector(args: argparse.Namespace) -> Tuple[str, Optional[Any]]:
    """Its name, and the detector; None where there is none."""
    from ..apis.detectors import open_named_detector
    if args.detector == NONE:
        return NONE, None
    try:
        name = args.detector or default_detector('app')
    except LookupError as why_not:
        warn('app', f'there is no detector ({why_not}): each image is taken for one person, and boxes can be drawn')
        return NONE, None
    return name, open_named_detector(name, args.det_category, args.min_score, args.device)


def run(args: argparse.Namespace) -> int:
    check_least(args, min_score=0, max_mb=0.001, max_megapixels=0.001, max_film_mb=0.001, max_frames=1)
    with tempfile.TemporaryDirectory(prefix='rampose-app-') as folder:
        # Read when Gradio is imported: where visitors' files lie, and that nobody is told of them.
        os.environ.update(GRADIO_TEMP_DIR=str(Path(folder) / 'uploads'), GRADIO_ANALYTICS_ENABLED='False',
                          HF_HUB_OFFLINE='1')
        with before_the_work():
            try:
                from ..prediction.page.serving import serve
            except ModuleNotFoundError as error:
                from ..core.package import how_to_install
                raise unusable(f'app needs {error.name}: {how_to_install("app")}') from error
            from ..lab.example import example_image
            from ..prediction.page.blocks import Limits, Page
            from ..prediction.page.downloads import Detection
            name, detector = open_detector(args)
            detection = Detection(name, args.det_category, args.min_score)
            page = Page(open_models(args, detector), detection, example_image(),
                        Limits(int(args.max_mb * 1e6), int(args.max_megapixels * 1e6), int(args.max_film_mb * 1e6),
                               args.max_frames), Path(folder))
            address, shared, close = serve(page, args.host, args.port, args.share, not args.no_browser)
        if args.host not in LOCAL:
            warn('app', f'everybody who reaches this machine at {address} can use it')
        if shared:
            warn('app', f'everybody on the internet who knows {shared} can use it')
        print(f'On {address} - Ctrl-C ends it', flush=True)
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):  # the second is how services are ended
            signal.signal(number, lambda *_: ended.set())
        ended.wait()
        close()
    return DONE
