"""Run a command in a terminal and draw what it shows at several moments, one below the other.

    python docs/terminal_strip.py docs/images/finetune.png --columns 104 --at 0.05 0.5 1 -- rampose finetune ...

Needs `pyte` and Pillow. Moments are shares of the time that the command takes.
"""

import argparse
import os
import pty
import struct
import subprocess
import time
from fcntl import ioctl
from termios import TIOCSWINSZ

import pyte
from PIL import Image, ImageDraw, ImageFont

FONT, SIZE, LINE = 'DejaVuSansMono.ttf', 13, 17
COLORS = dict(default='#d4d4d4', red='#f14c4c', green='#23d18b', brown='#e5e510', blue='#3b8eea', magenta='#d670d6',
              cyan='#29b8db', white='#ffffff', black='#666666')
BACKGROUND, PROMPT = '#1e1e1e', '#23d18b'


def record(command, columns, lines):
    """What the command wrote, with times."""
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))
    process = subprocess.Popen(command, stdout=slave, stderr=slave, stdin=slave, close_fds=True,
                               env=dict(os.environ, TERM='xterm-256color', COLUMNS=str(columns)))
    os.close(slave)
    started, written = time.monotonic(), []
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        written.append((time.monotonic() - started, data))
    return written, time.monotonic() - started, process.wait()


def picture(screen, columns, title):
    """The lines of a screen that hold something."""
    font = ImageFont.truetype(FONT, SIZE)
    last = max((y for y in range(screen.lines) if screen.display[y].strip()), default=0)
    w = font.getlength('M')
    image = Image.new('RGB', (round(w * columns) + 20, LINE * (last + 2) + 18), BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.text((10, 6), title, PROMPT, font)
    for y in range(last + 1):
        for x in range(columns):
            cell = screen.buffer[y][x]
            if cell.data.strip():
                color = COLORS.get(cell.fg, f'#{cell.fg}' if len(cell.fg) == 6 else COLORS['default'])
                draw.text((10 + x * w, 6 + LINE * (y + 1)), cell.data, color, font)
    return image


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('--columns', type=int, default=100)
    parser.add_argument('--lines', type=int, default=48)
    parser.add_argument('--at', type=float, nargs='+', default=[0.1, 0.5, 1])
    parser.add_argument('command', nargs='+')
    args = parser.parse_args()
    written, seconds, status = record(args.command, args.columns, args.lines)
    shown = []
    for share in args.at:
        screen = pyte.Screen(args.columns, args.lines)
        stream = pyte.ByteStream(screen)
        for moment, data in written:
            if moment <= share * seconds + 0.01:
                stream.feed(data)
        minutes, rest = divmod(round(share * seconds), 60)
        title = f'$ {" ".join(args.command)}' if not shown else f'… after {minutes}:{rest:02d}'
        shown.append(picture(screen, args.columns, title))
    strip = Image.new('RGB', (shown[0].width, sum(one.height + 6 for one in shown) - 6), 'white')
    top = 0
    for one in shown:
        strip.paste(one, (0, top))
        top += one.height + 6
    strip.quantize(32).save(args.out, optimize=True)
    print(f'{args.out}; {seconds:.0f} s, status {status}')
