"""Mutations of honest ONNX files: each is a function of a seed and a number, so any of them can be made again."""

from __future__ import annotations

import copy
import random
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.onnx_files import FLOAT, UINT8, Message, Net, encode, small, value, varint


def _tiny() -> Message:
    """Windows side by side, other activations, a declaration, a later operator set."""
    net = Net(seed=3).add("Greater", np.uint8(128)).add("Cast", to=FLOAT).add("Sub", np.float32(0.5))
    net.add("Reshape", [-1, 1, 28, 28]).conv(2, 1, 7, strides=[7, 7]).add("Tanh").pool().add("Reshape", [-1, 8])
    declared = [(13, value("value 1", FLOAT, ["n", 28, 28]))]
    return net.gemm(8, 4).add("Sigmoid").gemm(4, 10).end(opset=20, ir=10, graph=declared)


TREES = [
    small(),
    small(seed=1, input=value("pixels", UINT8, [1, 28, 28]), output=value("scores", FLOAT, [1, 3])),
    _tiny(),
]
HONEST = [encode(tree) for tree in TREES]

NUMBERS = (
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    9,
    10,
    12,
    13,
    14,
    23,
    28,
    784,
    255,
    65_536,
    -1,
    -2,
    1 << 31,
    1 << 32,
    1 << 62,
    -(1 << 63),
)
TEXTS = (
    *("", "pixels", "scores", "value 0", "value 3", "constant 0", "constant 2", "axis", "pads", "strides", "1 2 3"),
    *("Relu", "Conv", "Softmax", "Identity", "Tanh", "com.microsoft", "\u0663", "x" * 200),
)
FLOATS = (0.0, 1.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"))
PIECES = [
    *(varint(number) for number in NUMBERS),
    *(struct.pack("<f", number) for number in FLOATS),
    b"\x08\x08", b"\x12\x01x", b"\x3a\x00", b"\x42\x02\x10\x0d", b"\x32\x00", b"\x22\x04Relu", b"\x2a\x00", b"\x4a\x00",
    b"\x6a\x00", b"\xff" * 10, b"\x0b\x0c",
]  # fmt: skip


def exhaustive() -> Iterator[bytes]:
    """Every truncation, every deletion of one byte, and four replacements of every byte, of one small file."""
    honest = HONEST[0]
    for at in range(len(honest)):
        yield honest[:at]
        yield honest[:at] + honest[at + 1 :]
        for byte in sorted({0x00, 0xFF, honest[at] ^ 0x01, honest[at] ^ 0x80} - {honest[at]}):
            yield honest[:at] + bytes([byte]) + honest[at + 1 :]


def mutation(seed: int, number: int) -> bytes:
    """The mutation of this seed and number: of three, one edits bytes, two change fields of messages."""
    chance = random.Random(f"onnx {seed}:{number}")
    return edited(chance) if number % 3 == 0 else replanted(chance)


def edited(chance: random.Random) -> bytes:
    """One to six random edits on top of each other."""
    data = bytearray(chance.choice(HONEST))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 2, 4, 8, 30))
        match chance.randrange(6):
            case 0:
                data[at : at + length] = chance.randbytes(length)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = chance.choice(PIECES)
            case 3:
                data[at:at] = data[at : at + length] * chance.randint(1, 3)
            case 4:
                source = chance.choice(HONEST)
                start = chance.randrange(len(source))
                data[at : at + length] = source[start : start + length]
            case 5:
                for offset in range(at, min(at + 1, len(data))):
                    data[offset] ^= 1 << chance.randrange(8)
    return bytes(data)


def replanted(chance: random.Random) -> bytes:
    """One to three fields of messages left out, doubled, exchanged, renumbered, or changed; lengths are right."""
    tree = copy.deepcopy(chance.choice(TREES))
    for _ in range(chance.choice((1, 1, 2, 3))):
        message = _some_message(tree, chance)
        if not message:
            continue
        at = chance.randrange(len(message))
        number, content = message[at]
        match chance.randrange(8):
            case 0:
                del message[at]
            case 1:
                message.insert(chance.randrange(len(message) + 1), copy.deepcopy(message[at]))
            case 2:
                other = chance.randrange(len(message))
                message[at], message[other] = message[other], message[at]
            case 3:
                message[at] = (chance.randint(1, 26), content)
            case 4:
                foreign = _some_message(copy.deepcopy(chance.choice(TREES)), chance)
                message.insert(at, chance.choice(foreign) if foreign else (number, 0))
            case _:
                message[at] = (number, _another(content, chance))
    return encode(tree)


def _some_message(tree: Message, chance: random.Random) -> Message:
    """A message somewhere in the tree, deep ones as likely as the few above them."""
    found = [tree]
    while True:
        inside = [content for _, content in found[-1] if isinstance(content, list)]
        if not inside or chance.random() < 0.2:
            return found[-1]
        found.append(chance.choice(inside))


def _another(content: Any, chance: random.Random) -> Any:
    match content:
        case bool() | int():
            return chance.choice((content + 1, content - 1, chance.choice(NUMBERS)))
        case float():
            return chance.choice(FLOATS)
        case str():
            return chance.choice(TEXTS)
        case bytes() if content and chance.random() < 0.7:
            data = bytearray(content)
            at = chance.randrange(len(data))
            data[at : at + 4] = (
                struct.pack("<f", chance.choice(FLOATS)) if chance.random() < 0.5 else chance.randbytes(4)
            )
            return bytes(data[: len(content)])
        case bytes():
            return content[: chance.randrange(len(content) + 1)] + chance.randbytes(chance.choice((0, 4)))
    return chance.choice(([], chance.choice(NUMBERS), chance.choice(TEXTS)))
