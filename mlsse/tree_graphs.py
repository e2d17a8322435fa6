"""The trees in an ONNX graph, read out of it without the onnx package, which a prediction has not.

A graph is a message in the wire format of Protocol Buffers: fields, each a number, a kind and a
value, which may be a message again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsse.alike_trees import Places, Trees

_VARINT, _BYTES = 0, 2  # kinds of fields; the numbers below are those of onnx.proto
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INPUT = 1, 11
_NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INTEGER, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTEGERS = 1, 3, 5, 8
_TENSOR_RAW = 9
_FLOAT = b"\x08\x01"  # the element type of a tensor, and a dimension of 1


class _Field(NamedTuple):
    number: int
    value: bytes  # of an integer: as it is encoded
    raw: bytes  # all of the field


def read_trees(model: bytes) -> tuple[Trees, bytes] | None:
    """Take apart a graph that begins with trees of one output.

    Parameters
    ----------
    model : bytes
        A serialized ONNX model, as `mlsse.tree_export.to_onnx` writes it.

    Returns
    -------
    (Trees, bytes) or None
        The trees, and the model without them, whose input is the sum over the trees, float32 of
        shape (n, 1). None if the graph begins with something else.
    """
    of_model = list(_fields(model))
    of_graph = list(_fields(_first(of_model, _MODEL_GRAPH)))
    of_node = list(_fields(_first(of_graph, _GRAPH_NODE)))
    if _first(of_node, _NODE_TYPE) != b"TreeEnsemble":
        return None
    attributes = {}
    for field in of_node:
        if field.number == _NODE_ATTRIBUTE:
            name = next(_fields(field.value))
            if name.number != _ATTRIBUTE_NAME:
                return None
            attributes[name.value.decode()] = field.value[len(name.raw) :]
    if _tensor(attributes["nodes_modes"], np.uint8).any():  # not all of them are x <= limit
        return None
    trees = Trees(
        roots=(_integers(attributes["tree_roots"]),),
        features=_integers(attributes["nodes_featureids"]),
        limits=_tensor(attributes["nodes_splits"], np.float32),
        low=_places(attributes, "true"),
        high=_places(attributes, "false"),
        leaves=_tensor(attributes["leaf_weights"], np.float32),
    )
    shape = _message(1, _message(2, b"n")) + _message(1, _FLOAT)
    sums = _message(1, _first(of_node, _NODE_OUTPUT)) + _message(
        2, _message(1, _FLOAT + _message(2, shape))
    )
    first_node = next(i for i, field in enumerate(of_graph) if field.number == _GRAPH_NODE)
    graph = b"".join(
        _message(_GRAPH_INPUT, sums) if field.number == _GRAPH_INPUT else field.raw
        for i, field in enumerate(of_graph)
        if i != first_node
    )
    rest = (
        _message(_MODEL_GRAPH, graph) if field.number == _MODEL_GRAPH else field.raw
        for field in of_model
    )
    return trees, b"".join(rest)


def _places(attributes: dict[str, bytes], branch: str) -> Places:
    """Where the nodes send a row: a node, or -1 - i for the leaf i."""
    numbers = _integers(attributes[f"nodes_{branch}nodeids"])
    return np.where(_integers(attributes[f"nodes_{branch}leafs"]) > 0, -1 - numbers, numbers)


def _fields(message: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        value_at = at
        if key & 7 == _VARINT:
            _, at = _varint(message, at)
        elif key & 7 == _BYTES:
            length, value_at = _varint(message, at)
            at = value_at + length
        else:
            at += 4 if key & 7 == 5 else 8
        yield _Field(key >> 3, message[value_at:at], message[start:at])


def _first(fields: Sequence[_Field], number: int) -> bytes:
    return next((field.value for field in fields if field.number == number), b"")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """An integer, seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _message(number: int, value: bytes) -> bytes:
    """A field of bytes."""
    text = bytearray([number << 3 | _BYTES])
    length = len(value)
    while length > 127:
        text.append(length & 127 | 128)
        length >>= 7
    return bytes(text) + bytes([length]) + value


def _integers(attribute: bytes) -> NDArray[np.intp]:
    """Integers of an attribute without its name: numbers of fields and values in turns."""
    codes = np.frombuffer(attribute, np.uint8).astype(np.intp)
    ends = np.flatnonzero(codes < 128)
    starts = np.append(0, ends[:-1] + 1)
    shifts = 7 * (np.arange(len(codes)) - np.repeat(starts, ends - starts + 1))
    values = np.add.reduceat((codes & 127) << shifts, starts)
    return values[1::2][values[::2] == _ATTRIBUTE_INTEGERS << 3]


def _tensor(attribute: bytes, kind: type[np.generic]) -> NDArray:
    of_tensor = _fields(_first(list(_fields(attribute)), _ATTRIBUTE_TENSOR))
    return np.frombuffer(_first(list(of_tensor), _TENSOR_RAW), kind)
