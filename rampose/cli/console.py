"""Progress bars and tables: by rich where it is installed, else in plain lines.

What comes from outside, a file's name or an error, is printed as it is and never read as rich's markup.
"""

import contextlib
import sys
import time
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Sequence, TypeVar

T = TypeVar('T')
SECONDS_BETWEEN_LINES = 5.0


def _rich() -> bool:
    try:
        import rich  # noqa: F401
    except ImportError:
        return False
    return True


def warn(command: str, message: str) -> None:
    """A line on stderr, after the command's name."""
    print(f'rampose {command}: {message}', file=sys.stderr)


def progress(items: Iterable[T], total: Optional[int] = None, description: str = '') -> Iterator[T]:
    """Iterate with a progress bar."""
    if total is None and hasattr(items, '__len__'):
        total = len(items)  # type: ignore[arg-type]
    with counter(description, total) as count:
        for item in items:
            yield item
            count(1)


@contextlib.contextmanager
def counter(description: str, total: Optional[int], done: int = 0, unit: str = '') -> Iterator[Callable[..., None]]:
    """Count things with a progress bar.

    Args:
        description: What is counted.
        total: How many there will be; None if that is not known.
        done: How many are done already.
        unit: What is counted beside them, such as 'people', of which the bar shows how many come a second.

    Yields:
        A function: ``count(number, of_unit=0)``. Other threads may call it.
    """
    if _rich():
        yield from _rich_counter(description, total, done, unit)
    else:
        yield from _plain_counter(description, total, done, unit)


def _rich_counter(description: str, total: Optional[int], done: int, unit: str) -> Iterator[Callable[..., None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    columns = [TextColumn(f'{description:<16}', markup=False), BarColumn(), MofNCompleteColumn(),
               TextColumn('{task.fields[rate]}', markup=False), TimeElapsedColumn(), TextColumn('left'),
               TimeRemainingColumn()]
    with Progress(*columns) as bar:
        task = bar.add_task('', total=total, completed=done, rate='')
        units = 0

        def count(number: int, of_unit: int = 0) -> None:
            nonlocal units
            units += of_unit
            seconds = bar.tasks[0].elapsed or 0
            rate = f'{units / seconds:.1f} {unit}/s' if unit and seconds > 1 else ''
            bar.update(task, advance=number, rate=rate)

        yield count


def _plain_counter(description: str, total: Optional[int], done: int, unit: str) -> Iterator[Callable[..., None]]:
    started = shown = time.monotonic()
    units = 0

    def count(number: int, of_unit: int = 0) -> None:
        nonlocal done, units, shown
        done += number
        units += of_unit
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES:
            shown = now
            of = '' if total is None else f' of {total}'
            rate = f', {units / (now - started):.1f} {unit}/s' if unit else ''
            print(f'{description}: {done}{of}{rate}', file=sys.stderr, flush=True)

    yield count


@contextlib.contextmanager
def status(text: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on a terminal; yields a function that changes the text."""
    if not (_rich() and sys.stdout.isatty()):
        yield lambda text: None
        return
    from rich.console import Console
    from rich.text import Text
    with Console().status(Text(text)) as shown:
        yield lambda text: shown.update(Text(text))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = '', left: int = 1) -> None:
    """Print a table; the first `left` columns are aligned to the left, the others to the right."""
    if not _rich():
        widths = [max(len(str(cell)) for cell in cells) for cells in zip(columns, *rows)]
        for line in ([title] if title else []):
            print(line)
        for cells in (columns, *rows):
            print('  '.join(f'{cell:<{width}}' if i < left else f'{cell:>{width}}'
                            for i, (cell, width) in enumerate(zip(cells, widths))).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    drawn = Table(title=Text(title) if title else None)
    for i, column in enumerate(columns):
        options: Dict[str, Any] = dict(overflow='fold', justify='left' if i < left else 'right', no_wrap=i < left)
        drawn.add_column(Text(column), **options)
    for cells in rows:
        drawn.add_row(*(Text(str(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 150).print(drawn)
