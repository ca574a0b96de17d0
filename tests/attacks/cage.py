"""The cage: a library opens hostile files here, each in a process that can do no harm.

The scripts cage_sklearn.py and cage_onnx.py are cages, started by tests/attacks/differential.py through `unshare`: as
process 1 of new network, process, mount and IPC namespaces. It imports its library once. Each file is a fork that first

- locks itself into an empty, read-only folder (chroot into a tmpfs of this mount namespace),
- bounds its processor time, memory, file size, open files and processes (none but itself), and writes no core,
- becomes the unprivileged user 65534 without groups, capabilities or a way to new ones, and dies with its parent,
- keeps no open file but the pipe it reports through, and an empty environment.

Then an audit hook writes every event that honest files do not raise into the pipe, and the library opens the bytes.
When the fork has ended, or its time is up, whatever else lives in the process namespace is killed.

Before the first file a fork tries to get out in every way listed in `escapes`. If one works, nothing is opened.

In: a line of JSON {"bytes", "rows", "columns", "seconds"}, the file, the inputs as float64. Out: a line of JSON, see
`Library`; "faults" in it lists all that an honest file does not do.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

NOBODY = 65534
NAMESPACES = ("net", "pid", "mnt", "ipc")
GIB = 1 << 30
REPORT_LIMIT = 4 << 20
EVENTS_REPORTED = 20

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 1, 38, 39
CAPABILITY_VERSION_3 = 0x20080522

Work = Callable[[Callable[[str], None]], dict[str, Any]]
"""Is handed a function that reports one line, and gives the outcome."""


class Library(NamedTuple):
    """Opens the files.

    Attributes:
        warm_up: imports it, and gives honest files with inputs, by name.
        opened: called in a fork, with a file, its inputs, their shape, and the witness of events; gives {"classes",
            "labels", "scores"}, or {"raised"}.
    """

    warm_up: Callable[[], dict[str, tuple[bytes, Any]]]
    opened: Callable[[bytes, bytes, tuple[int, int], Callable[[str], None]], dict[str, Any]]


libc = ctypes.CDLL(None, use_errno=True)


class CannotCage(Exception):
    """The cage has a hole; nothing may be opened."""


def called(result: int, what: str) -> None:
    if result != 0:
        raise CannotCage(f"{what}: {os.strerror(ctypes.get_errno())}")


# -- the parent --------------------------------------------------------------------------------------------------------


def main(library: Library) -> None:
    settings = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        demand_namespaces(settings["outside"])
        cage = Cage(settings, library)
        cage.check()
    except (CannotCage, OSError) as error:
        reply(answers, {"refused": str(error)})
        sys.exit(1)
    reply(answers, {"ready": True})
    while header := sys.stdin.buffer.readline():
        request = json.loads(header)
        data = sys.stdin.buffer.read(request["bytes"])
        inputs = sys.stdin.buffer.read(8 * request["rows"] * request["columns"])
        shape = (request["rows"], request["columns"])
        reply(answers, cage.run(lambda witness: library.opened(data, inputs, shape, witness), request["seconds"]))  # noqa: B023  # runs at once


def reply(answers: Any, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()


def demand_namespaces(outside: dict[str, str]) -> None:
    """First of all: outside of a process namespace, the clean-up would kill the machine's processes."""
    for name in NAMESPACES:
        if str(Path(f"/proc/self/ns/{name}").readlink()) == outside[name]:
            raise CannotCage(f"no {name} namespace of its own")
    if os.getpid() != 1:
        raise CannotCage("not process 1 of its namespace")


class Cage:
    """The parent of all forks.

    Args:
        settings: "folder", an empty one to lock files into; "may_set_groups"; "processor_seconds" that a file may
            compute; "listener", a port on which somebody listens outside; "secret", a file outside.
        library: opens the files.
    """

    def __init__(self, settings: dict[str, Any], library: Library) -> None:
        self.settings = settings
        self.opened = library.opened
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # process 1 ignores what its own children send, if it has no handler
        flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
        folder = os.fsencode(settings["folder"])
        called(libc.mount(b"none", folder, b"tmpfs", flags, b"size=4k,nr_inodes=2,mode=0555"), "an empty folder")
        self.null = os.open("/dev/null", os.O_RDWR)
        self.honest = library.warm_up()
        gc.disable()
        gc.freeze()  # a collection in a fork would copy the whole memory
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        self.memory = pages * resource.getpagesize() + GIB

    def check(self) -> None:
        """Proves that the cage is closed and that honest files pass through it.

        Raises:
            CannotCage: it is not.
        """
        outcome = self.run(lambda witness: {"escapes": escapes(self.settings)})
        if outcome.get("escapes") != []:
            raise CannotCage(f"from inside: {outcome}")
        for name, (data, inputs) in self.honest.items():
            shape = (len(inputs), inputs.shape[1])
            outcome = self.run(lambda witness: self.opened(data, inputs.tobytes(), shape, witness))  # noqa: B023  # at once
            if set(outcome) != {"classes", "labels", "scores"}:
                raise CannotCage(f"an honest file, {name}: {outcome.get('raised')}, {outcome.get('faults')}")

    def run(self, work: Work, seconds: float = 120) -> dict[str, Any]:
        """What `work` reported from inside of a fork; and under "faults" all that an honest file does not do."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            self.be_child(writing, work)
        os.close(writing)
        report, faults = self.listen(child, reading, seconds)
        os.close(reading)
        *events, last = report.split(b"\n") if report else [b""]
        faults += [event.decode(errors="replace")[:300] for event in events[:EVENTS_REPORTED]]
        try:
            outcome = json.loads(last)
        except ValueError:
            outcome = {}
            faults.append("no report" if not last else "half a report")
        return {**outcome, "faults": faults} if faults else outcome

    def listen(self, child: int, reading: int, seconds: float) -> tuple[bytes, list[str]]:
        """The child's report, and how it ended if not well; afterwards no process is left."""
        report, faults = bytearray(), []
        until = time.monotonic() + seconds
        handle = os.pidfd_open(child)
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        poll.register(handle, select.POLLIN)
        ended = False
        while not ended:
            ready = dict(poll.poll(max(0, until - time.monotonic()) * 1000))
            if not ready:
                faults.append(f"not done after {seconds} s")
                break
            if reading in ready:
                piece = os.read(reading, 1 << 16)
                report += piece
                if not piece:
                    poll.unregister(reading)
                if len(report) > REPORT_LIMIT:
                    faults.append(f"a report of more than {REPORT_LIMIT:,} bytes")
                    break
            ended = ready.keys() == {handle}
        os.close(handle)
        faults += self.sweep(child)
        return bytes(report), faults

    def sweep(self, child: int) -> list[str]:
        """Kills and reaps whatever else lives in this process namespace, which is the file's."""
        faults = []
        with suppress(ChildProcessError, ProcessLookupError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    os.kill(-1, signal.SIGKILL)  # subtle: all but process 1, which is this one (demand_namespaces)
                    pid, status = os.waitpid(-1, 0)
                if pid != child:
                    faults.append("left a process behind")
                elif os.WIFSIGNALED(status):
                    faults.append(f"ended by {signal.Signals(os.WTERMSIG(status)).name}")
                elif os.WEXITSTATUS(status) != 0:
                    faults.append(f"ended with exit code {os.WEXITSTATUS(status)}")
        return faults

    def be_child(self, writing: int, work: Work) -> NoReturn:
        try:
            self.confine(writing)
            outcome = work(lambda line: write_all(writing, line.encode(errors="replace") + b"\n"))
            write_all(writing, json.dumps(outcome).encode())
        except BaseException as error:  # a fork of this process must never go on as if it were the parent
            with suppress(BaseException):
                write_all(writing, f"{type(error).__name__}: {error}"[:1000].replace("\n", " ").encode() + b"\n")
            os._exit(1)
        os._exit(0)

    def confine(self, writing: int) -> None:
        os.setsid()
        os.chroot(self.settings["folder"])
        os.chdir("/")
        os.environ.clear()
        for standard in (0, 1, 2):
            os.dup2(self.null, standard)
        os.closerange(3, writing)
        os.closerange(writing + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        seconds = self.settings["processor_seconds"]
        for limit, most in (
            (resource.RLIMIT_AS, self.memory),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, writing + 8),
            (resource.RLIMIT_MEMLOCK, 0),
        ):
            resource.setrlimit(limit, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # SIGXCPU, then SIGKILL
        if self.settings["may_set_groups"]:
            os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        called(libc.capset(capability_header(), (ctypes.c_uint32 * 6)()), "capabilities")
        called(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
        called(libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "to die with the parent")
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def capability_header() -> Any:
    return (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


# -- the child ---------------------------------------------------------------------------------------------------------


def escapes(settings: dict[str, Any]) -> list[str]:
    """The ways out that worked; none, in a cage that is closed."""
    attempts: dict[str, Callable[[], object]] = {
        "a file can be made": lambda: os.open("/probe", os.O_CREAT | os.O_WRONLY),
        "a folder can be made": Path("/probe").mkdir,
        "a file outside can be read": lambda: os.open(settings["secret"], os.O_RDONLY),
        "a file above can be read": lambda: os.open("../../../../.." + settings["secret"], os.O_RDONLY),
        "a process can be started": fork_and_end,
        "another user can be taken": lambda: os.setresuid(0, 0, 0),
        "another folder can be the root": lambda: os.chroot("/"),
        "somebody outside can be reached": lambda: socket.socket().connect(("127.0.0.1", settings["listener"])),
        "the parent can be traced": lambda: called(libc.ptrace(16, 1, 0, 0), "PTRACE_ATTACH"),
        "a namespace can be made": lambda: called(libc.unshare(0x20000000), "CLONE_NEWNET"),
        "a file system can be mounted": lambda: called(libc.mount(b"none", b"/", b"tmpfs", 0, b""), "mount"),
    }
    found = []
    for what, attempt in attempts.items():
        try:
            attempt()
            found.append(what)
        except (OSError, CannotCage):
            continue
    capabilities = (ctypes.c_uint32 * 6)()
    called(libc.capget(capability_header(), capabilities), "capget")
    states = {
        "another user than 65534": os.getresuid() != (NOBODY,) * 3 or os.getresgid() != (NOBODY,) * 3,
        "capabilities": any(capabilities),
        "groups": settings["may_set_groups"] and os.getgroups() != [],
        "new privileges": libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1,
        "something in the folder": any(Path("/").iterdir()),
        "an environment": os.environ != {},
        "no bound on memory": resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY,
        "no bound on time": resource.getrlimit(resource.RLIMIT_CPU)[0] != settings["processor_seconds"],
        "a core": resource.getrlimit(resource.RLIMIT_CORE)[1] != 0,
    }
    return [*found, *(what for what, holds in states.items() if holds)]


def fork_and_end() -> None:
    if os.fork() == 0:
        os._exit(0)
