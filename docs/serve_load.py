"""A load test of `rampose serve` on this machine: people a second, waiting times, memory over 10,000 requests.

    python docs/serve_load.py IMAGES --detector yolox_nano.onnx --requests 10000 --clients 8 --out load.json

Starts the server, sends photographs over kept connections, and in every 50th place something broken: nothing, text, a
cut JPEG, a bomb of 144 million px, or a file beyond the limit. Counts each status; an answer that does not come, or
another status than the one expected, is an error.
"""

import argparse
import http.client
import io
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from rampose.core.machine import describe


def memory_mb(process):
    status = Path(f'/proc/{process}/status').read_text()
    return int(re.search(r'VmRSS:\s+(\d+)', status)[1]) / 1024


def broken_bodies(photograph):
    bomb = io.BytesIO()
    Image.new('L', (12_000, 12_000)).save(bomb, 'png')
    return [(b'', 400), (b'no image', 422), (photograph[:len(photograph) // 2], 422), (bomb.getvalue(), 413),
            (bytes(21_000_000), 413)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('images', type=Path)
    parser.add_argument('--requests', type=int, default=10_000)
    parser.add_argument('--clients', type=int, default=8)
    parser.add_argument('--out', type=Path)
    args, server_arguments = parser.parse_known_args()
    photographs = [path.read_bytes() for path in sorted(args.images.glob('*.jpg'))]
    broken = broken_bodies(photographs[0])
    server = subprocess.Popen([sys.executable, '-m', 'rampose', 'serve', '--port', '0', *server_arguments],
                              stdout=subprocess.PIPE, text=True)
    port = int(re.search(r':(\d+)', server.stdout.readline().split('//')[1])[1])
    lock, numbers = threading.Lock(), iter(range(args.requests))
    seconds, statuses, errors, memory, people = [], {}, [], [], 0
    started = time.perf_counter()

    def work():
        nonlocal people
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=120)
        while True:
            with lock:
                number = next(numbers, None)
                if number is None:
                    return
                if number % 500 == 0:
                    memory.append([number, round(memory_mb(server.pid), 1)])
            body, expected = ((photographs[number % len(photographs)], 200) if number % 50 else
                              broken[number // 50 % len(broken)])
            before = time.perf_counter()
            try:
                connection.request('POST', '/predict', body)
                answer = connection.getresponse()
                content, status = json.loads(answer.read()), answer.status
            except (OSError, ValueError, http.client.HTTPException) as error:
                # Whoever sends 21 MB may be cut off while sending, once the answer is 413.
                connection.close()
                status, content = (413, {}) if expected == 413 and isinstance(error, OSError) else (repr(error), {})
            with lock:
                statuses[str(status)] = statuses.get(str(status), 0) + 1
                if status == 200:
                    seconds.append(time.perf_counter() - before)
                    people += len(content['instances'])
                if status != expected:
                    errors.append([number, expected, status])

    threads = [threading.Thread(target=work) for _ in range(args.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - started
    memory.append([args.requests, round(memory_mb(server.pid), 1)])
    server.terminate()
    server.wait(60)
    report = dict(machine=describe(), requests=args.requests, clients=args.clients, seconds=round(passed, 1),
                  requests_per_second=round(args.requests / passed, 1), people_per_second=round(people / passed, 1),
                  p50_ms=round(1e3 * float(np.percentile(seconds, 50)), 1),
                  p99_ms=round(1e3 * float(np.percentile(seconds, 99)), 1), statuses=statuses, errors=errors,
                  memory_mb=memory)
    print(json.dumps(report, indent=1))
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + '\n')


if __name__ == '__main__':
    main()
