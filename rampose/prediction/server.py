"""Keypoints over HTTP: what `rampose serve` runs."""

import asyncio
import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, AsyncIterator, Dict, Optional

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from .. import __version__
from ..apis.predictor import TopdownPredictor
from ..core.bboxes import check_bboxes
from ..core.images import TooLargeError, UnreadableError, read_image
from ..core.machine import usable_cores
from ..core.metainfo import keypoint_names
from ..core.pose_result import PoseResult
from .batching import BatchingPredictor
from .records import as_instances

RETRY_AFTER_S = 1
MAX_BOXES = 100  # of a request
_IMAGE_BODY = dict(requestBody=dict(
    required=True, description='The bytes of an image file: AVIF, BMP, GIF, JPEG, PNG, PPM, TIFF, WebP',
    content={'image/*': dict(schema=dict(type='string', format='binary'))}))
_REFUSALS: Dict[Any, Dict[str, Any]] = {
    400: dict(description='The body is empty or broke off, or a parameter cannot be used'),
    408: dict(description='The body took too long to arrive'),
    413: dict(description='The file or the image is too large'),
    422: dict(description='The body is no image, or a damaged one'),
    503: dict(description='Too many requests are waiting, or the server is stopping; try again after Retry-After')}


@dataclass(frozen=True)
class Limits:
    """What a server takes.

    Attributes:
        max_bytes: Of a body.
        max_pixels: Of an image; larger ones are not decoded.
        max_requests: That are read, wait or are estimated at a time; others are sent away with 503.
        body_seconds: In which a body must arrive.
    """
    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_requests: int = 32
    body_seconds: float = 30


class _Metrics:
    """What `/metrics` says, in Prometheus's format."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: Dict[str, Any] = dict(registry=self.registry)
        self.requests = Counter('rampose_requests', 'Answered requests', ['status'], **own)
        self.people = Counter('rampose_people', 'People whose keypoints were estimated', **own)
        self.in_progress = Gauge('rampose_requests_in_progress', 'Requests that are read, wait or are estimated', **own)
        self.seconds = Histogram('rampose_request_seconds', 'Time from a request to its answer', **own,
                                 buckets=(.01, .02, .05, .1, .2, .5, 1, 2, 5, 10))


def make_app(predictor: TopdownPredictor, limits: Limits = Limits(), min_score: float = 0.3) -> FastAPI:
    """A FastAPI application that answers with the people of an image.

    Args:
        predictor: With a detector, unless all requests bring boxes.
        limits: What it takes.
        min_score: Boxes of lower scores are left out, if a request does not say otherwise.
    """
    metrics = _Metrics()
    state: Dict[str, Any] = dict(batching=None, in_progress=0)
    decoding = ThreadPoolExecutor(usable_cores(), 'decoding')
    metrics.in_progress.set_function(lambda: state['in_progress'])

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state['batching'] = BatchingPredictor(predictor)
        yield
        batching, state['batching'] = state['batching'], None
        await asyncio.get_running_loop().run_in_executor(None, batching.close)
        decoding.shutdown(wait=False)

    app = FastAPI(title='rampose', version=__version__, lifespan=lifespan,
                  description="People's keypoints in images")

    @app.exception_handler(StarletteHTTPException)  # FastAPI's own, and those of addresses that are not there
    async def refuse(_: Request, error: StarletteHTTPException) -> JSONResponse:
        metrics.requests.labels(error.status_code).inc()
        return JSONResponse(dict(error=error.detail), error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def explain(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return await refuse(request, HTTPException(400, f'{first["loc"][-1]} cannot be used: {first["msg"]}'))

    @app.exception_handler(Exception)
    async def own_error(request: Request, _: Exception) -> JSONResponse:
        return await refuse(request, HTTPException(500, "an error of the server's own; its log says more"))

    @app.post('/predict', openapi_extra=_IMAGE_BODY, responses=_REFUSALS)
    async def predict(
            request: Request,
            boxes: Optional[str] = Query(None, description='JSON [[x1, y1, x2, y2], ...] in px; default: the '
                                                           "detector's"),
            score: float = Query(min_score, alias='min_score', ge=0, le=1,
                                 description='Leave out boxes of lower scores')) -> Any:
        """Find the people of an image, and their keypoints, in px of the image as it is displayed."""
        started = time.perf_counter()
        if boxes is None and not predictor.has_detector:
            await _refuse_after_body(request, limits, HTTPException(
                400, 'this server has no detector; needed is ?boxes=[[x1,y1,x2,y2],...]'))
        if state['batching'] is None or state['in_progress'] >= limits.max_requests:
            await _refuse_after_body(request, limits, HTTPException(
                503, f'{state["in_progress"]} requests are waiting, which is all that the server takes',
                {'Retry-After': str(RETRY_AFTER_S)}))
        state['in_progress'] += 1
        try:
            body = await _body_of(request, limits)
            image = await asyncio.get_running_loop().run_in_executor(decoding, _decoded, body, limits)
            bboxes = None if boxes is None else _boxes_of(boxes, image)
            result = await asyncio.wrap_future(state['batching'].submit(image, bboxes, score))
        finally:
            state['in_progress'] -= 1
        # JSON knows no NaN.
        result = result.choose(np.isfinite(result.keypoints).all(axis=(1, 2)) &
                               np.isfinite(result.keypoint_scores).all(axis=1))
        metrics.people.inc(result.num_people)
        metrics.requests.labels(200).inc()
        metrics.seconds.observe(time.perf_counter() - started)
        return _answer(image, result)

    meta = predictor.dataset_meta
    about = json.dumps(dict(keypoints=keypoint_names(meta),
                            skeleton=[list(map(int, link)) for link in meta.get('skeleton_links') or ()],
                            made_by=predictor.provenance), default=str)

    @app.get('/model')
    async def model() -> Any:
        """Names of the keypoints, in their order; the skeleton; and what makes the results."""
        return Response(about, media_type='application/json')

    @app.get('/health')
    async def health() -> Any:
        """Whether requests are taken."""
        taken = state['batching'] is not None
        return JSONResponse(dict(status='ok' if taken else 'stopping'), 200 if taken else 503)

    @app.get('/metrics', response_class=Response)
    async def numbers() -> Response:
        """Requests, people and times, in Prometheus's format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


async def _body_of(request: Request, limits: Limits) -> bytes:
    """The body. What is too much of it is read and forgotten, so that the sender gets to read the answer; but not more
    than twice the limit.

    Raises:
        HTTPException: It is too large, empty, or does not arrive.
    """
    length = request.headers.get('content-length', '')
    too_large = HTTPException(413, f'the file has more than {limits.max_bytes / 1e6:g} MB')
    if length.isdecimal() and int(length) > 2 * limits.max_bytes:
        raise too_large
    body, received = bytearray(), 0

    async def read() -> None:
        nonlocal received
        async for chunk in request.stream():
            received += len(chunk)
            if received > 2 * limits.max_bytes:
                return
            if received <= limits.max_bytes:
                body.extend(chunk)
            else:
                body.clear()

    try:
        await asyncio.wait_for(read(), limits.body_seconds)
    except asyncio.TimeoutError:
        raise HTTPException(408, f'the body did not arrive within {limits.body_seconds:g} s') from None
    except ClientDisconnect:
        raise HTTPException(400, 'the body broke off') from None
    if received > limits.max_bytes:
        raise too_large
    if not body:
        raise HTTPException(400, 'the body is empty; needed are the bytes of an image file, as curl --data-binary '
                            '@photo.jpg sends them')
    return bytes(body)


async def _refuse_after_body(request: Request, limits: Limits, error: HTTPException) -> None:
    """Raise an error that does not depend on the body, once the sender is ready to read it."""
    with contextlib.suppress(HTTPException):
        await _body_of(request, limits)
    raise error


def _decoded(body: bytes, limits: Limits) -> np.ndarray:
    try:
        return read_image(body, limits.max_pixels)
    except TooLargeError as error:
        raise HTTPException(413, str(error)) from None
    except UnreadableError as error:
        raise HTTPException(422, str(error)) from None


def _boxes_of(text: str, image: np.ndarray) -> np.ndarray:
    try:
        boxes = check_bboxes(json.loads(text), image.shape)
        if len(boxes) > MAX_BOXES:
            raise ValueError(f'got {len(boxes)}, at most {MAX_BOXES} are taken')
        return boxes
    except (RecursionError, TypeError, ValueError) as error:
        raise HTTPException(400, f'boxes cannot be used: {error}') from None


def _answer(image: np.ndarray, result: PoseResult) -> Dict[str, Any]:
    h, w = image.shape[:2]
    return dict(width=w, height=h, instances=as_instances(result))
