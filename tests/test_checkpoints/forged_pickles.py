"""Pickles that somebody forged: over the admitted names, and over some that are not, as no pickler would write them."""

import pickle
import struct

import torch

from rampose.checkpoints import admitted

ADMITTED = [tuple(name.rsplit('.', 1)) for name in sorted(admitted.NAMES)]
STORAGES = [name for name in ADMITTED if name[1].endswith('Storage')]
FOREIGN = [('fuzz_trap', 'spring'), ('fuzz_trap', 'Trap'), ('os', 'system'), ('posix', 'system'), ('builtins', 'eval'),
           ('__builtin__', 'eval'), ('builtins', 'exec'), ('builtins', '__import__'), ('builtins', 'open'),
           ('numpy', 'load'), ('torch', 'load'), ('torch', 'tensor'), ('numpy', 'frombuffer'), ('builtins', 'list'),
           ('collections.OrderedDict', '__init__'), ('numpy.ndarray', 'setflags'), ('operator', 'attrgetter'),
           ('torch._utils', '_rebuild_device_tensor_from_numpy'), ('rampose.checkpoints.admitted', 'Buffer'),
           ('collections', 'deque'), ('numpy', ''), ('', ''), ('copyreg', '_reconstructor'), ('functools', 'partial')]
CODES = ['f4', '<f8', '>i4', 'b1', 'u1', 'i8', 'c16', 'f2', 'O', 'O8', 'V8', 'S4', 'U2', 'M8', '|u1', 'f99', 'f', '',
         'f4,f4', '(2,)f4', 'f16', 'g', '=i2', 'i3', 'b16', 'c7']
INTEGERS = [0, 1, 2, 3, 7, 8, 255, 256, -1, -2, 2**31 - 1, 2**31, 2**32, 2**47, 2**63 - 1, 2**63, -2**63, 2**64, 10**30]
TEXTS = ['', 'latin1', 'storage', 'cpu', 'cuda:0', 'meta', '0', '1', '../x', 'mean', '__class__', '__globals__',
         '_metadata', 'real', '_log_history', '_count_history', 'statistics_methods', 'max_length', 'utf-8', 'F', 'C',
         '<', '|',
         'x' * 300, 'ÿ', '\ud800', '_statistics_methods', '__dict__', '__setstate__', 'items']


class Choices:
    """Decisions read from bytes, which hypothesis draws and makes shorter; 0 when they are used up."""

    def __init__(self, data):
        self._data = iter(data)

    def below(self, number):
        value = next(self._data, 0)
        if number > 256:
            value = value * 256 + next(self._data, 0)
        return value % number

    def of(self, options):
        return options[self.below(len(options))]

    def maybe(self, one_in):
        return self.below(one_in) == 1

    def bytes(self, most=24):
        return bytes(self.below(256) for _ in range(self.below(most + 1)))


class Writer:
    """A pickle, opcode by opcode, as no pickler would write it."""

    def __init__(self, choices, contents):
        self.choose = choices
        self.sizes = {key: len(content) for key, content in contents.items()}  # of the storages that there are
        self.used = {}  # bytes of each that it names
        self.out = bytearray()
        self.memo = 0

    def program(self):
        if not self.choose.maybe(8):
            self.out += b'\x80' + bytes([7 if self.choose.maybe(60) else self.choose.below(6)])
        self.value(4)
        self.out += b'.'
        return bytes(self.out)

    def value(self, depth):
        """Opcodes that leave one value on the stack, or nearly."""
        kind = self.choose.below(60) if depth > 0 else self.choose.below(4)
        kind = {58: 18, 59: 19}.get(kind, kind % 18)
        if kind < 3:
            self.atom()
        elif kind == 3:
            self.name()
        elif kind < 7:
            self.container(depth)
        elif kind < 14:
            self.plausible(depth)
        elif kind == 14:
            self.call(depth)
        elif kind == 15:
            self.value(depth - 1)
            self.state(depth - 1)
        elif kind == 16:
            self.persistent(depth)
        elif kind == 17:
            self.items(depth)
        elif kind == 18:
            self.odd()
        else:
            self.nested(depth)
        self.remember()

    def remember(self):
        trick = self.choose.below(64)
        if trick == 1:
            self.out += b'q' + bytes([self.memo % 256])
            self.memo += 1
        elif trick == 2:
            self.out += b'\x94'
            self.memo += 1
        elif trick == 3:
            self.out += b'p%d\n' % self.choose.of([0, 1, 2, 10**6, -1])
        elif trick == 4:
            self.out += b'0' + b'h' + bytes([self.choose.below(self.memo + 1)])  # another, for this one
        elif trick == 5:
            self.out += b'2' + b'\x86'  # itself, twice
        elif trick == 6:
            self.out += b'r' + struct.pack('<I', self.choose.of([0, 5, 2**31, 2**32 - 1]))

    def atom(self):
        kind = self.choose.below(40)
        if kind < 14:
            self.integer(self.choose.of(INTEGERS) if kind else self.choose.below(20))
        elif kind < 24:
            self.text(self.choose.of(TEXTS + CODES))
        elif kind < 29:
            self.data(self.choose.bytes())
        elif kind < 38:
            self.out += self.choose.of([
                b'N', b'\x88', b'\x89', b'I01\n', b'I00\n', b'L5L\n', b'V\\ud800\n', b'G' + b'\0' * 8,
                b'G\x7f\xf8' + b'\0' * 6, b'G\x7f\xf0' + b'\0' * 6, b'G' + b'\xff' * 8])
        elif kind == 38:
            self.out += b'F' + self.choose.of([b'1e999', b'nan', b'0x1', b'x', b'1_0']) + b'\n'
        else:
            self.out += b'S' + self.choose.of([b"'A'", b'"\\x00"', b"'", b'A', b"'\\"]) + b'\n'

    def integer(self, number):
        if self.choose.maybe(6):
            self.out += b'I%d\n' % number
        elif 0 <= number < 256:
            self.out += b'K' + bytes([number])
        elif -2**31 <= number < 2**31:
            self.out += b'J' + struct.pack('<i', number)
        else:
            raw = pickle.encode_long(number)
            self.out += b'\x8a' + bytes([len(raw)]) + raw

    def text(self, text):
        raw = text.encode('utf-8', 'surrogatepass')
        if self.choose.maybe(5) and '\n' not in text and text.isascii():
            self.out += b'V' + raw + b'\n'
        elif self.choose.maybe(3) and len(raw) < 256:
            self.out += b'\x8c' + bytes([len(raw)]) + raw
        else:
            beyond = self.choose.of([1, 2**31]) if self.choose.maybe(60) else 0
            self.out += b'X' + struct.pack('<I', len(raw) + beyond) + raw

    def data(self, raw):
        kind = self.choose.below(4)
        if kind == 0 and len(raw) < 256:
            self.out += b'C' + bytes([len(raw)]) + raw
        elif kind == 1:
            self.out += b'B' + struct.pack('<I', len(raw)) + raw
        elif kind == 2:
            self.out += b'\x96' + struct.pack('<Q', len(raw)) + raw
        else:
            self.text(raw.decode('latin1'))  # as protocol 2 has it

    def name(self, which=None):
        module, name = which or self.choose.of(FOREIGN if self.choose.maybe(5) else ADMITTED)
        if module == 'builtins' and self.choose.maybe(2):
            module = '__builtin__'
        if self.choose.maybe(3):
            self.text(module)
            self.text(name)
            self.out += b'\x93'
        else:
            self.out += f'c{module}\n{name}\n'.encode()

    def container(self, depth):
        number, kind = self.choose.below(4), self.choose.below(8)
        if kind < 3 and number < 4:
            for _ in range(number):
                self.value(depth - 1)
            self.out += (b')', b'\x85', b'\x86', b'\x87')[number]
            return
        opening, closing = self.choose.of([(b'(', b't'), (b'(', b'l'), (b'(', b'd'), (b'](', b'e'), (b'}(', b'u'),
                                           (b'\x8f(', b'\x90'), (b'(', b'\x91'), (b'](', b'u'), (b'}(', b'e')])
        self.out += opening
        for _ in range(number * (2 if closing in b'du' else 1)):
            self.value(depth - 1)
        self.out += closing

    def arguments(self, depth, *parts):
        """A tuple of parts, each a function that writes one; now and then another value stands for it, or none."""
        self.out += b'('
        for part in parts:
            if self.choose.maybe(40):
                continue
            self.value(depth - 1) if self.choose.maybe(12) else part()
        if self.choose.maybe(30):
            self.value(depth - 1)
        self.out += b't'

    def shape(self):
        self.out += b'('
        for _ in range(self.choose.below(3) if not self.choose.maybe(30) else 40):
            self.integer(self.choose.of(INTEGERS) if self.choose.maybe(8) else self.choose.below(5))
        self.out += b't'

    def number_type(self, depth=1):
        self.name(('numpy', 'dtype'))
        self.arguments(depth, lambda: self.text(self.choose.of(CODES)), lambda: self.out.extend(b'\x89'),
                       lambda: self.out.extend(b'\x88'))
        self.out += b'R'
        if self.choose.maybe(2):
            self.arguments(depth, lambda: self.integer(3), lambda: self.text(self.choose.of('<>=|')),
                           *[lambda: self.out.extend(b'N')] * 3, *[lambda: self.integer(-1)] * 2,
                           lambda: self.integer(0))
            self.out += b'b'

    def array(self, depth):
        self.name(('numpy.core.multiarray' if self.choose.maybe(2) else 'numpy._core.multiarray', '_reconstruct'))
        self.arguments(depth, lambda: self.name(('numpy', 'ndarray')), lambda: self.out.extend(b'K\0\x85'),
                       lambda: self.data(b'b'))
        self.out += b'R'
        side, size = self.choose.below(4), self.choose.of([1, 2, 4, 8, 16])
        self.arguments(depth, lambda: self.integer(1), lambda: (self.integer(side), self.out.extend(b'\x85')),
                       lambda: self.number_type(depth), lambda: self.out.extend(self.choose.of([b'\x88', b'\x89'])),
                       lambda: self.data(bytes(side * size)))
        self.out += b'b'

    def tensor(self, depth):
        kind = self.choose.of(['_rebuild_tensor_v2', '_rebuild_tensor_v2', '_rebuild_tensor', '_rebuild_tensor_v3'])
        self.name(('torch._utils', kind))
        self.arguments(depth, lambda: self.persistent(depth), lambda: self.integer(self.choose.below(3)), self.shape,
                       self.shape, lambda: self.out.extend(self.choose.of([b'\x88', b'\x89'])),
                       lambda: self.out.extend(b'}'), lambda: self.name(('torch', 'float32')))
        self.out += b'R'

    def buffer(self, depth):
        self.name(('mmengine.logging.history_buffer', 'HistoryBuffer'))
        self.out += b')\x81}('
        for key in ('_log_history', '_count_history', 'max_length', 'statistics_methods'):
            self.text(key)
            if key.startswith('_') and not self.choose.maybe(10):
                self.array(depth)
            else:
                self.value(depth - 1)
        self.out += b'ub'

    def plausible(self, depth):
        """A call of an admitted name with arguments that it may have, but for some."""
        kind = self.choose.below(12)
        if kind < 2:
            self.array(depth - 1)
        elif kind < 4:
            self.tensor(depth - 1)
        elif kind == 4:
            self.number_type(depth - 1)
        elif kind == 5:
            self.buffer(depth - 1)
        else:
            name, parts = (
                (('numpy.core.multiarray', 'scalar'), [self.number_type, lambda: self.data(self.choose.bytes(16))]),
                (('_codecs', 'encode'), [lambda: self.text(self.choose.of(TEXTS)), lambda: self.text('latin1')]),
                (('builtins', 'getattr'), [lambda: self.name(('mmengine.logging.history_buffer', 'HistoryBuffer')),
                                           lambda: self.text(self.choose.of(['mean', 'max', '__init__', '__dict__']))]),
                (('collections', self.choose.of(['OrderedDict', 'Counter'])), [lambda: self.container(depth - 1)]),
                (('torch._utils', '_rebuild_parameter'), [
                    lambda: self.tensor(depth - 1), lambda: self.out.extend(b'\x88'), lambda: self.out.extend(b'}')]),
                (self.choose.of([('torch', 'Size'), ('torch', 'device'), ('builtins', 'set'), ('builtins', 'bytearray'),
                                 ('builtins', 'complex'), ('numpy.core.numeric', '_frombuffer')]),
                 [lambda: self.value(depth - 2)] * self.choose.below(5)))[kind - 6]
            self.name(name)
            self.arguments(depth, *parts)
            self.out += b'R'

    def call(self, depth):
        """Any name or value, called in any of the ways that there are."""
        way = self.choose.below(6)
        if way == 0:
            module, name = self.choose.of(FOREIGN if self.choose.maybe(3) else ADMITTED)
            self.out += b'('
            for _ in range(self.choose.below(4)):
                self.value(depth - 1)
            self.out += f'i{module}\n{name}\n'.encode()
            return
        self.out += b'(' if way == 1 else b''
        self.value(depth - 1) if self.choose.maybe(6) else self.name()
        if way == 1:
            for _ in range(self.choose.below(4)):
                self.value(depth - 1)
            self.out += b'o'
            return
        self.container(depth - 1)
        if way == 5:
            self.container(depth - 1)
        self.out += (b'R', b'R', b'R', b'\x81', b'\x92')[way - 1]

    def state(self, depth):
        self.value(depth) if self.choose.maybe(2) else self.container(depth)
        if self.choose.maybe(4):  # a pair: what slots have
            self.container(depth)
            self.out += b'\x86'
        self.out += b'b'

    def persistent(self, depth):
        if self.choose.maybe(12):
            self.out += self.choose.of([b'Pstorage\n', b'P\n', b'PA\n'])
            return
        module, name = self.choose.of(STORAGES)
        key = 'none' if self.choose.maybe(40) else self.choose.of(sorted(self.sizes))
        dtype = admitted.NAMES[f'{module}.{name}'].dtype
        size = torch.empty(0, dtype=dtype).element_size() if self.choose.below(8) else 1
        number = self.sizes.get(key, 8) // size
        if self.choose.maybe(16):
            number = self.choose.of(INTEGERS)
        self.used.setdefault(key, number * size)
        self.arguments(depth, lambda: self.text('storage'), lambda: self.name((module, name)),
                       lambda: self.text(key), lambda: self.text('cpu'), lambda: self.integer(number),
                       *([lambda: self.out.extend(b'N')] if self.choose.maybe(2) else []))
        self.out += b'Q'

    def items(self, depth):
        """Items for whatever it is."""
        self.value(depth - 1)
        if self.choose.maybe(2):
            self.value(depth - 1)
            self.out += b'a'
        else:
            self.value(depth - 1)
            self.value(depth - 1)
            self.out += b's'

    def odd(self):
        self.out += self.choose.of([
            b'\x82\x01', b'\x83\x01\x00', b'\x97', b'\x98', b'0', b'1', b'(', b'2', b'R', b'b', b'\x81', b'u', b'.',
            b'\xff', b'h\x00', b'g0\n', b'gx\n', b'j\xff\xff\xff\x7f', b'\x8a\xff', b'\x8b\xff\xff\xff\xff',
            b'\x8b\xff\xff\xff\x7f', b'\x95' + b'\xff' * 8, b'\x95\x01' + b'\0' * 7,
            b'\x96' + b'\xff' * 8, b'\x8d' + b'\xff' * 8,
            b'X\xff\xff\xff\xff', b'\x8e' + b'\0' * 7 + b'\x7f', b'T\xff\xff\xff\xff', b'U\x05ab',
            b'\x80\xff', b'I' + b'9' * 5000 + b'\n'])

    def nested(self, depth):
        """Deep in itself, as a value, as a key, as an argument."""
        number = self.choose.of([5, 300, 3000])
        opening, closing = self.choose.of([(b')', b'\x85'), (b'](', b'e'), (b'}(K\0', b'u'), (b')', b'\x86')])
        self.out += opening * number + closing * number if self.choose.maybe(2) else opening + closing * number
