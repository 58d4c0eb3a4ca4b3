"""Files appear whole; what is removed is ours, and nobody is writing it."""

import contextlib
import errno
import os
import subprocess
import sys
import time

import pytest

from rampose.core.files import OLD_PART, PART_PREFIX, part_of, part_prefix, remove_parts, written_whole
from rampose.core.own_folder import remove_own


def age(path):
    os.utime(path, (time.time() - OLD_PART - 9, ) * 2)


def test_parts_of_killed_processes_go_and_others_stay(tmp_path):
    ended = subprocess.Popen([sys.executable, '-c', ''])
    ended.wait()
    mine = part_prefix()
    theirs = mine.replace(f'-{os.getpid()}-', f'-{ended.pid}-')
    elsewhere = f'{PART_PREFIX}0000beef-{ended.pid}-'  # a process of another machine cannot be asked for
    for name in (f'{mine}a.pth', f'{theirs}b.pth', f'{elsewhere}c.pth', f'{elsewhere}d.pth', f'{PART_PREFIX}0.pth'):
        (tmp_path / name).touch()
    for name in (f'{mine}folder', f'{theirs}folder'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'file').touch()
    age(tmp_path / f'{elsewhere}d.pth')
    age(tmp_path / f'{mine}folder')
    remove_parts(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f'{mine}a.pth', f'{elsewhere}c.pth', f'{mine}folder'}


def test_a_link_to_a_folder_is_not_followed(tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/thesis.tex').touch()
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / f'{PART_PREFIX}link').symlink_to(tmp_path / 'mine')
    remove_parts(tmp_path / 'out')
    assert not list((tmp_path / 'out').iterdir()) and (tmp_path / 'mine/thesis.tex').exists()


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / 'target').write_text('mine')
    monkeypatch.setattr('secrets.token_hex', lambda number: 'known')
    part_of(tmp_path / 'file').symlink_to(tmp_path / 'target')
    with pytest.raises(FileExistsError), written_whole(tmp_path / 'file') as file:
        file.write(b'new')
    assert (tmp_path / 'target').read_text() == 'mine'


def test_our_own_folder_goes_and_links_in_it_are_not_followed(tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/thesis.tex').touch()
    folder = tmp_path / 'ours'
    (folder / 'train/a').mkdir(parents=True)
    (folder / 'train/a/file').touch()
    (folder / 'sample').symlink_to(tmp_path / 'mine')
    (folder / '.mark').touch()
    remove_own(folder, '.mark', ['train', 'sample', 'never'])
    assert not folder.exists() and (tmp_path / 'mine/thesis.tex').exists()


@pytest.mark.parametrize('place', [1, 2], ids=['file', 'folder'])
@pytest.mark.parametrize(('number', 'fatal'), [(errno.EIO, True), (errno.EINVAL, False), (errno.ENOTSUP, False)])
def test_an_error_of_the_disk_counts_and_a_file_system_that_cannot_wait_does_not(tmp_path, monkeypatch, place, number,
                                                                                 fatal):
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == place:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'fsync', fsync)
    with (pytest.raises(OSError, match='error') if fatal else contextlib.nullcontext()), \
            written_whole(tmp_path / 'file', durable=True) as file:
        file.write(b'new')
    assert (tmp_path / 'file').exists() != (fatal and place == 1) and len(list(tmp_path.iterdir())) < 2


WRITER = """
import sys, pathlib
from rampose.core.files import written_whole
path, letter = pathlib.Path(sys.argv[1]), sys.argv[2].encode()
while not path.with_name('enough').exists():
    with written_whole(path) as file:
        for _ in range(40):  # in pieces, so that others come between
            file.write(letter * 25_000)
"""


def test_two_write_one_file_while_another_reads_it(tmp_path):
    path = tmp_path / 'file'
    writers = [subprocess.Popen([sys.executable, '-c', WRITER, str(path), letter]) for letter in 'ab']
    try:
        started = time.monotonic()
        seen, times, reads = set(), set(), 0
        while reads < 500 or len(seen) < 2 or len(times) < 20:
            assert all(writer.poll() is None for writer in writers) and time.monotonic() - started < 120
            if path.exists():
                content = path.read_bytes()
                assert len(content) == 1_000_000 and content == content[:1] * 1_000_000, 'half a file'
                seen.add(content[:1])
                times.add(path.stat().st_mtime_ns)
                reads += 1
    finally:
        (tmp_path / 'enough').touch()
        assert [writer.wait(60) for writer in writers] == [0, 0]
    assert {path.name for path in tmp_path.iterdir()} == {'file', 'enough'}


LOCKER = """
import sys, pathlib
from rampose.core.locking import FolderLock
folder = pathlib.Path(sys.argv[1])
for _ in range(200):
    with FolderLock(folder):
        number = folder / 'number'
        number.write_text(str(int(number.read_text()) + 1))
"""


def test_a_lock_lets_one_process_in_at_a_time(tmp_path):
    (tmp_path / 'number').write_text('0')
    holders = [subprocess.Popen([sys.executable, '-c', LOCKER, str(tmp_path)]) for _ in range(3)]
    assert [holder.wait(120) for holder in holders] == [0, 0, 0]
    assert (tmp_path / 'number').read_text() == '600'
    assert [path.name for path in tmp_path.iterdir()] == ['number'], 'each took its lock file away'
