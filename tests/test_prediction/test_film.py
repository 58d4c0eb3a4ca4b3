"""Drawn films in H.264 with their sound, as PyAV writes and reads them; and without PyAV."""

import shutil
import subprocess
from fractions import Fraction

import cv2
import numpy as np
import pytest

from rampose.prediction import media
from rampose.prediction.media import VideoFile

av = pytest.importorskip('av')  # needs Python 3.9
RATE = 16000  # of the sound, samples a second


def write_film(path, codec='aac', seconds=2, fps=25, start=0.):
    """Grey frames that grow brighter, and a tone that sets in in the middle; both begin at `start` by the film's clock.
    """
    with av.open(str(path), 'w') as file:
        film, sound = file.add_stream('mpeg4', rate=fps), file.add_stream(codec, rate=RATE, layout='mono')
        film.width, film.height, film.pix_fmt = 64, 48, 'yuv420p'
        for number in range(seconds * fps):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 4, np.uint8), format='bgr24')
            frame.pts, frame.time_base = round((start + number / fps) * 90000), Fraction(1, 90000)
            file.mux(film.encode(frame))
        times = np.arange(seconds * RATE) / RATE
        tone = np.where(times < seconds / 2, 0, np.sin(times * 2 * np.pi * 440) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None], format='s16', layout='mono')
        frame.rate, frame.pts, frame.time_base = RATE, round(start * RATE), Fraction(1, RATE)
        file.mux(sound.encode(frame))
        for stream in (film, sound):
            file.mux(stream.encode(None))
    return path


def tone_begins(path) -> float:
    """Seconds."""
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            loud = np.abs(frame.to_ndarray().astype(float)).ravel()
            loud /= 1 if frame.format.name.startswith('flt') else 32768
            if loud.max() > 0.05:
                return float(frame.pts * frame.time_base) + np.argmax(loud > 0.05) / frame.rate
    return float('inf')


def draw(path, source, times, size=(48, 64)):
    video = VideoFile(path, 25, str(source))
    for number, time in enumerate(times):
        video.add(np.full((*size, 3), number * 4, np.uint8), time)
    video.finish()
    return path


@pytest.mark.parametrize(('name', 'codec'), [('copied.mp4', 'aac'), ('encoded.avi', 'pcm_s16le'), ('late.mkv', 'aac')])
def test_the_sound_goes_along(tmp_path, name, codec):
    source = write_film(tmp_path / name, codec, start=0.5 if name == 'late.mkv' else 0)
    drawn = draw(tmp_path / 'drawn.mp4', source, np.arange(50) / 25)
    with av.open(str(drawn)) as file:
        film, sound = file.streams.video[0], file.streams.audio[0]
        assert (film.codec_context.name, film.codec_context.pix_fmt, sound.codec_context.name) == (
            'h264', 'yuv420p', 'aac')
        assert float(film.duration * film.time_base) == pytest.approx(2, abs=0.05)
        assert float(sound.duration * sound.time_base) == pytest.approx(2, abs=0.15)
        frames = list(file.decode(video=0))
        assert len(frames) == 50
        assert [frame.to_ndarray(format='bgr24').mean() for frame in frames] == pytest.approx(np.arange(50) * 4, abs=4)
    # The encoder's own delay aside, it sets in when it did, whatever the film's clock said at its start.
    assert tone_begins(drawn) == pytest.approx(1, abs=0.08)


def test_a_stopped_film_has_as_much_sound(tmp_path):
    drawn = draw(tmp_path / 'drawn.mp4', write_film(tmp_path / 'film.mp4'), np.arange(10) / 25)
    with av.open(str(drawn)) as file:
        sound = file.streams.audio[0]
        assert float(sound.duration * sound.time_base) == pytest.approx(0.4, abs=0.1)


def test_frames_are_shown_when_they_were(tmp_path):
    times = [0, 0.04, 0.5, 0.52, 1.7]
    drawn = draw(tmp_path / 'drawn.mp4', tmp_path / 'no sound here.mp4', times, size=(47, 63))
    with av.open(str(drawn)) as file:
        assert [float(frame.pts * frame.time_base) for frame in file.decode(video=0)] == pytest.approx(times, abs=0.001)
        assert not file.streams.audio
        film = file.streams.video[0]
        assert (film.width, film.height) == (64, 48)  # the codec takes even numbers


def test_broken_sound_costs_the_sound_alone(tmp_path):
    source = write_film(tmp_path / 'film.mkv')
    source.write_bytes(source.read_bytes()[:source.stat().st_size // 2])
    drawn = draw(tmp_path / 'drawn.mp4', source, np.arange(50) / 25)
    assert cv2.VideoCapture(str(drawn)).get(cv2.CAP_PROP_FRAME_COUNT) == 50


def test_a_full_disk_leaves_nothing(tmp_path):
    video = VideoFile(tmp_path / 'drawn.mp4', 25)
    rng = np.random.default_rng(0)
    with pytest.raises(OSError):
        import resource
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
            for _ in range(60):
                video.add(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8))
            video.finish()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    video.discard()
    assert not list(tmp_path.iterdir())


def test_without_pyav_it_is_mpeg4(tmp_path, monkeypatch):
    source = write_film(tmp_path / 'film.mp4')
    monkeypatch.setattr(media, 'has_h264', lambda: False)
    drawn = draw(tmp_path / 'drawn.mp4', source, np.arange(50) / 25)
    with av.open(str(drawn)) as file:
        assert file.streams.video[0].codec_context.name == 'mpeg4' and not file.streams.audio
        assert file.streams.video[0].frames == 50


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which('chromium'), reason='no chromium')
def test_a_browser_plays_it(tmp_path):
    draw(tmp_path / 'drawn.mp4', write_film(tmp_path / 'film.mp4'), np.arange(50) / 25)
    (tmp_path / 'page.html').write_text('''<video src="drawn.mp4" muted></video><script>
      const film = document.querySelector('video');
      film.onloadeddata = () => { document.title = [film.videoWidth, film.videoHeight, film.duration.toFixed(1)]; };
      film.onerror = () => { document.title = 'error ' + film.error.message; };</script>''')
    done = subprocess.run(['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
                           '--disable-background-networking', '--virtual-time-budget=5000', '--dump-dom',
                           f'--user-data-dir={tmp_path / "profile"}', f'file://{tmp_path}/page.html'],
                          capture_output=True, text=True, timeout=120)
    assert '<title>64,48,2.0</title>' in done.stdout, done.stdout[-500:]
