"""examples:
  rampose serve
  rampose serve --detector yolox-tiny --port 9000
  curl --data-binary @photo.jpg http://127.0.0.1:8000/predict

Takes POST /predict with the bytes of an image, and answers with JSON: width, height, and for each person box, score,
keypoints in px of the image and their scores. GET /model names the keypoints, /health and /metrics are for who runs it,
/docs describes it all. What arrives together is estimated together; beyond --max-requests the answer is 503. Ctrl-C
finishes what was begun. It listens on this machine alone, unless --host opens it; it knows no users and no passwords.
"""

import argparse
import contextlib
import socket
from typing import Any

from .console import warn
from .default_detector import default_detector
from .statuses import DONE, before_the_work, check_least, unusable

GRACE_S = 30  # for what was begun, after Ctrl-C
LOCAL = ('127.0.0.1', 'localhost', '::1')  # addresses that nobody else reaches
LOWEST_SCORE = 0.05  # of the detector's boxes, however low a request asks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--config', metavar='MODEL',
                        help='a name that `rampose weights` lists, an exported model (.onnx, .xml), or a config of '
                             "MMPose's; default: the model that comes with rampose")
    parser.add_argument('--checkpoint', help="the config's weights")
    parser.add_argument('--detector', metavar='NAME', help='as of `rampose predict` (default: yolox-nano)')
    parser.add_argument('--no-detector', action='store_true', help='each request brings its boxes')
    parser.add_argument('--det-category', default='person', metavar='NAME', help='what to find (default: person)')
    parser.add_argument('--min-score', type=float, default=0.3, metavar='S',
                        help='leave out boxes of lower scores, unless a request asks for them (default: 0.3)')
    parser.add_argument('--no-flip-test', action='store_true', help='half the time in the network, slightly less exact')
    parser.add_argument('--device', help='cpu, cuda:0, ...; default: a GPU where there is one')
    parser.add_argument('--host', default='127.0.0.1', metavar='ADDRESS',
                        help='0.0.0.0 opens it to everybody who reaches this machine (default: 127.0.0.1)')
    parser.add_argument('--port', type=int, default=8000, help='0 for any that is free (default: 8000)')
    parser.add_argument('--max-mb', type=float, default=20, metavar='N', help='of a file (default: 20)')
    parser.add_argument('--max-megapixels', type=float, default=50, metavar='N', help='of an image (default: 50)')
    parser.add_argument('--max-requests', type=int, default=32, metavar='N',
                        help='that are read, wait or are estimated at a time (default: 32)')


def open_predictor(args: argparse.Namespace) -> Any:
    """The predictor and its detector."""
    from ..apis import TopdownPredictor
    from ..apis.detectors import open_named_detector
    from ..checkpoints.zoo import default_name
    if args.detector and args.no_detector:
        raise unusable('got --detector and --no-detector; needed is one of them')
    detector: Any = None
    if not args.no_detector:
        try:
            name = args.detector or default_detector('serve')
        except LookupError as why_not:
            raise unusable(f'there is no detector ({why_not}): name one by --detector, or let each request bring its '
                           'boxes by --no-detector') from None
        detector = open_named_detector(name, args.det_category, LOWEST_SCORE, args.device)
    return TopdownPredictor(args.config or default_name(), args.checkpoint, device=args.device, detector=detector,
                            flip_test=False if args.no_flip_test else None)


def run(args: argparse.Namespace) -> int:
    check_least(args, min_score=0, max_mb=0.001, max_megapixels=0.001, max_requests=1)
    with before_the_work():
        try:
            import uvicorn

            from ..prediction.server import Limits, make_app
        except ModuleNotFoundError as error:
            from ..core.package import how_to_install
            raise unusable(f'serve needs {error.name}: {how_to_install("serve")}') from error
        predictor = open_predictor(args)
        limits = Limits(int(args.max_mb * 1e6), int(args.max_megapixels * 1e6), args.max_requests)
        app = make_app(predictor, limits, args.min_score)
        family = socket.AF_INET6 if ':' in args.host else socket.AF_INET
        listening = socket.create_server((args.host, args.port), family=family)
    port = listening.getsockname()[1]
    if args.host not in LOCAL:
        warn('serve', f'everybody who reaches this machine at {args.host}:{port} can use it')
    print(f'Serving on http://{args.host}:{port} - try: curl --data-binary @photo.jpg '
          f'http://{args.host}:{port}/predict', flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level='warning', access_log=False,
                                           timeout_graceful_shutdown=GRACE_S))
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it once all is finished
        server.run(sockets=[listening])
    return DONE
