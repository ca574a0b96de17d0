"""Files that execute code when they are unpickled, in every way the opcodes and the libraries offer."""

from __future__ import annotations

import pickle as op
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.attacks.assemble import Array, Call, Global, Instance, Raw, dtype, integer, joblib_dump, text
from tests.attacks.gadgets import SYSTEM, call, standard_library, third_party
from tests.attacks.honest import (
    ADAM,
    BINARIZER,
    LOGISTIC_REGRESSION,
    PIPELINE,
    binarizer,
    honest_pipeline,
    label_binarizer,
    logistic_regression,
    pipeline,
    weights,
)
from tests.attacks.hostile import Hostile, hostile


def files(canary: Path) -> Iterator[Hostile]:
    yield from _gadgets(canary)
    yield from _call_opcodes(canary)
    yield from _hiding_places(canary)
    yield from _look_alike_names()
    yield from _allowed_names_misused()


def _gadgets(canary: Path) -> Iterator[Hostile]:
    for name, tree in standard_library(canary).items():
        yield hostile(f"gadget {name}", joblib_dump(tree), "global", f"calls {name}", live="pickle")
    for name, tree in third_party(canary).items():
        codes = "estimator" if name.startswith("sklearn") else "global"
        yield hostile(f"gadget {name}", honest_pipeline(random_state=tree), codes, f"calls {name}", live="joblib")
    for module, name in (("os", "_exit"), ("os", "abort"), ("sys", "exit"), ("builtins", "input"), ("signal", "pause")):
        yield hostile(f"denial {module}.{name}", joblib_dump(call(module, name)), "global", "ends or stops the process")
    connect = call("socket", "create_connection", ("127.0.0.1", 9))
    yield hostile("network socket", joblib_dump(connect), "global", "opens a connection")


def _call_opcodes(canary: Path) -> Iterator[Hostile]:
    """The ways to make a call, each with names of the standard library, as bare pickles and inside a pipeline."""
    command = text(f"touch {canary}")
    system, map_, tuple_ = b"cos\nsystem\n", b"cbuiltins\nmap\n", b"cbuiltins\ntuple\n"
    namespace = b"ctypes\nSimpleNamespace\n" + op.EMPTY_TUPLE + op.NEWOBJ
    mapped = map_ + system + op.EMPTY_LIST + command + op.APPEND + op.TUPLE2 + op.NEWOBJ
    ways = {
        "GLOBAL": system + command + op.TUPLE1 + op.REDUCE,
        "STACK_GLOBAL": text("os") + text("system") + op.STACK_GLOBAL + command + op.TUPLE1 + op.REDUCE,
        "INST": op.MARK + command + op.INST + b"os\nsystem\n",
        "OBJ": op.MARK + system + command + op.OBJ,
        "NEWOBJ": tuple_ + mapped + op.TUPLE1 + op.NEWOBJ,
        "NEWOBJ_EX": tuple_ + mapped + op.TUPLE1 + op.EMPTY_DICT + op.NEWOBJ_EX,
        "BUILD": namespace + op.EMPTY_DICT + text("__setstate__") + system + op.SETITEM + op.BUILD + command + op.BUILD,
        "BUILD with slots": namespace + op.NONE + op.EMPTY_DICT + text("__setstate__") + system + op.SETITEM
        + op.TUPLE2 + op.BUILD + command + op.BUILD,
        "DUP": system + op.DUP + op.POP + command + op.TUPLE1 + op.REDUCE,
        "PUT and GET": system + b"p9000\n0g9000\n" + command + op.TUPLE1 + op.REDUCE,
        "text opcodes": system + op.MARK + b"V" + f"touch {canary}".encode() + b"\nt" + op.REDUCE,
    }  # fmt: skip
    for way, code in ways.items():
        bare = op.PROTO + b"\x04" + code + op.STOP
        yield hostile(f"bare {way}", bare, "global opcode", f"a call through {way}", live="pickle")
        inside = honest_pipeline(random_state=Raw(code))
        yield hostile(f"in a pipeline {way}", inside, "global opcode", f"{way} as random_state", live="joblib")


def _hiding_places(canary: Path) -> Iterator[Hostile]:
    """One call, and all the places of a working artefact where it can stand."""
    evil = call("os", "system", f"touch {canary}")
    system = b"cos\nsystem\n" + text(f"touch {canary}") + op.TUPLE1 + op.REDUCE
    places = {
        "in the Binarizer": pipeline(("b", binarizer(copy=evil)), ("c", logistic_regression())),
        "behind the first array": pipeline(("b", binarizer()), ("c", logistic_regression(n_iter_=evil))),
        "behind the weights": pipeline(("b", binarizer()), ("c", logistic_regression(extra=evil))),
        "in the last key": pipeline(verbose=evil),
        "hidden by POP": pipeline(
            ("b", binarizer()), ("c", logistic_regression(n_iter_=Raw(system + op.POP + op.NONE)))
        ),
        "hidden by POP_MARK": pipeline(verbose=Raw(op.MARK + system + op.POP_MARK + op.NONE)),
        "in an array header": pipeline(
            ("b", binarizer()), ("c", logistic_regression(n_iter_=Array(weights(1), header={"allow_mmap": evil})))
        ),
        "as a dtype state": pipeline(
            ("b", binarizer()),
            ("c", logistic_regression(n_iter_=Array(weights(1), header={"dtype": Call(dtype("f8"), (), evil)}))),
        ),
    }
    for place, tree in places.items():
        live = "" if place == "as a dtype state" else "joblib"
        codes = "global opcode type"
        yield hostile(f"call {place}", joblib_dump(tree), codes, f"os.system {place}", live=live)
    yield hostile(
        "call behind the first array, protocol 3",
        honest_pipeline(n_iter_=evil, protocol=3),
        "global",
        "scanners of plain pickles stop at the array bytes",
        live="joblib",
    )

    # A shape that is too small makes opcodes of the array's own bytes.
    weights_as_code = honest_pipeline(
        protocol=3, coef_=Array(weights(9, 12), header={"shape": (1,)}, data=bytes(8) + system)
    )
    yield hostile("call in array bytes", weights_as_code, "global", "a shape of 1 runs the weights", live="joblib")
    padding = bytes([0]) + system
    yield hostile(
        "call in the padding",
        honest_pipeline(protocol=3, n_iter_=Array(weights(0), padding=padding)),
        "array global",
        "a padding of length 0 runs what follows it",
        live="joblib",
    )
    nested = op.PROTO + b"\x05" + system + op.STOP
    objects = Array(weights(1), header={"dtype": dtype("O8", align=(-1, -1, 63))}, padding=b"", data=nested)
    yield hostile(
        "nested pickle in an object array",
        honest_pipeline(n_iter_=objects),
        "dtype",
        "a pickle in a pickle",
        live="joblib",
    )
    yield hostile(
        "second pickle after STOP", honest_pipeline() + nested, "trailing", "run by whoever loads twice from one file"
    )
    yield hostile(
        "pickle before the pickle",
        nested + honest_pipeline(),
        "global",
        "a loader that looks for the last one",
        live="pickle",
    )


def _look_alike_names() -> Iterator[Hostile]:
    names = {
        "trailing space in the module": ("sklearn.pipeline ", "Pipeline"),
        "trailing space in the name": ("sklearn.pipeline", "Pipeline "),
        "leading space": (" sklearn.pipeline", "Pipeline"),
        "zero width space": ("sklearn.pipeline", "Pipe\u200bline"),
        "zero width joiner in the module": ("skl\u200dearn.pipeline", "Pipeline"),
        "soft hyphen": ("numpy", "d\u00adtype"),
        "Cyrillic letter": ("sklearn.pipeline", "Pi\u0440eline"),
        "full width letters": ("sklearn.pipeline", "\uff30ipeline"),
        "NFKC twin": ("numpy", "\u1d48type"),
        "other case": ("sklearn.pipeline", "pipeline"),
        "other case of the module": ("Sklearn.pipeline", "Pipeline"),
        "NUL": ("numpy", "dtype\x00"),
        "right to left": ("numpy", "\u202eepytd"),
        "public path": ("sklearn.preprocessing", "Binarizer"),
        "longer module": ("sklearn.pipeline.pipeline", "Pipeline"),
        "squatted module": ("sklearn-pipeline", "Pipeline"),
        "swapped halves": ("Pipeline", "sklearn.pipeline"),
        "dotted name": ("sklearn", "pipeline.Pipeline"),
        "dotted into a method": ("sklearn.pipeline", "Pipeline.fit"),
        "dotted into dunder": ("numpy", "dtype.__class__"),
        "empty module": ("", "Pipeline"),
        "empty name": ("sklearn.pipeline", ""),
        "terminal escape": ("sklearn.\x1b[2J\x1b[H", "Pipeline\x07"),
        "thousand letters": ("sklearn." + "a" * 1000, "Pipeline"),
    }
    for what, (module, name) in names.items():
        tree = pipeline()
        tree.of = Global(module, name)
        yield hostile(f"name with {what}", joblib_dump(tree), "global estimator", f"{module[:40]!r} {name!r}")
    tree = pipeline()
    tree.of = Global("sklearn.pipeline ", "Pipeline")
    yield hostile("GLOBAL with a trailing space", joblib_dump(tree, protocol=3), "global estimator", "in a text line")
    for wrapper in (
        Global("joblib.numpy_pickle_compat", "NDArrayWrapper"),
        Global("joblib.numpy_pickle_compat", "ZNDArrayWrapper"),
        Global("joblib.numpy_pickle", "NDArrayWrapper"),
    ):
        old = Instance(wrapper, {"filename": "../../etc/passwd", "subclass": Global("numpy", "ndarray")})
        yield hostile(
            f"old {wrapper.module}.{wrapper.name}", honest_pipeline(coef_=old), "global", "reads another file"
        )
    plain = call("numpy._core.multiarray", "_reconstruct", Global("numpy", "ndarray"), (0,), b"b")
    yield hostile("plain numpy pickle", honest_pipeline(coef_=plain), "format", "numpy's own pickle hooks")


def _allowed_names_misused() -> Iterator[Hostile]:
    """Names that are on the allow-list, used as they never are."""
    misuses: dict[str, tuple[Any, str]] = {
        "class built with arguments": (Instance(PIPELINE, {}, ([("a", None)],)), "new"),
        "class built with one None": (Instance(BINARIZER, {}, (None,)), "new"),
        "class called": (Call(PIPELINE, ()), "call"),
        "class called with arguments": (Call(LOGISTIC_REGRESSION, ("l2",)), "call"),
        "array wrapper called": (Call(Global("joblib.numpy_pickle", "NumpyArrayWrapper"), (1, 2, 3)), "call"),
        "ndarray called": (Call(Global("numpy", "ndarray"), ((1 << 40,),)), "call"),
        "ndarray built": (Instance(Global("numpy", "ndarray"), {}, ((1 << 40,),)), "new"),
        "dtype built": (Instance(Global("numpy", "dtype"), {}, ("f8",)), "new"),
        "function built": (Instance(Global("numpy._core.multiarray", "scalar"), {}), "new"),
        "function as a class": (Instance(Global("numpy.random._pickle", "__randomstate_ctor"), {}), "new"),
        "MT19937 called": (call("numpy.random._mt19937", "MT19937"), "call"),
        "SeedSequence built": (Instance(Global("numpy.random.bit_generator", "SeedSequence"), {}), "new"),
        "result called": (Call(dtype("f8"), ("x",)), "type"),
        "array called": (Call(np.zeros(2), ()), "type"),
        "text called": (Call("os.system", ("id",)), "type"),
        "call with a list of arguments": (Raw(_named("numpy", "dtype") + op.EMPTY_LIST + op.REDUCE), "type"),
        "class built with a list": (Raw(_named("sklearn.pipeline", "Pipeline") + op.EMPTY_LIST + op.NEWOBJ), "type"),
        "text built": (Raw(text("Pipeline") + op.EMPTY_TUPLE + op.NEWOBJ), "type"),
        "state on a class": (Raw(_named("sklearn.pipeline", "Pipeline") + op.EMPTY_DICT + op.BUILD), "type build"),
        "state on a list": (Raw(op.EMPTY_LIST + op.EMPTY_DICT + op.BUILD), "type build"),
        "state on an array": (Call(np.zeros(2), (), {}), "type build"),
        "state of slots": (Instance(BINARIZER, (None, {"threshold": 0.5})), "build"),
        "state that is a list": (Instance(BINARIZER, [1]), "build"),
        "state of the optimizer a tuple": (Instance(ADAM, ({}, {"t": 1})), "build"),
        "state given twice": (Raw(_named(BINARIZER.module, BINARIZER.name) + b")\x81}b}b"), "build"),
        "call hidden by POP": (Raw(_named("numpy", "dtype") + b")R0N"), "opcode dtype"),
        "name as a module": (Raw(_named("numpy", "dtype") + text("x") + op.STACK_GLOBAL), "type"),
        "number as a name": (Raw(text("numpy") + integer(1) + op.STACK_GLOBAL), "type"),
        "scalar of an object": (call("numpy._core.multiarray", "scalar", dtype("O8"), b"N."), "dtype"),
        "scalar of text": (call("numpy._core.multiarray", "scalar", dtype("U1"), b"1\0\0\0"), "scalar"),
        "scalar too short": (call("numpy._core.multiarray", "scalar", dtype("f8"), b"1234"), "scalar"),
        "scalar too long": (call("numpy._core.multiarray", "scalar", dtype("f4"), b"12345678"), "scalar"),
        "scalar of many bytes": (call("numpy._core.multiarray", "scalar", dtype("f8"), b"123456789"), "bytes"),
        "scalar without bytes": (call("numpy._core.multiarray", "scalar", dtype("f8")), "scalar"),
        "scalar of a number": (call("numpy._core.multiarray", "scalar", dtype("f8"), 1), "scalar"),
        "scalar without dtype": (call("numpy._core.multiarray", "scalar", "f8", b"12345678"), "dtype scalar"),
        "scalar of another class": (
            call("numpy._core.multiarray", "scalar", label_binarizer(), b"12345678"),
            "dtype scalar",
        ),
    }
    for what, (value, codes) in misuses.items():
        yield hostile(f"misuse: {what}", honest_pipeline(n_iter_=value), codes, f"{what}, in place of n_iter_")
    yield hostile("SYSTEM as a class", joblib_dump(Instance(SYSTEM, {})), "global", "a function where a class belongs")


def _named(module: str, name: str) -> bytes:
    return text(module) + text(name) + op.STACK_GLOBAL
