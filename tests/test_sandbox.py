"""`tegmen run --sandbox`: real Locust works inside, and each forbidden thing fails.

Without it the same thing can be done, so that what fails is known to fail by the fence.

The tests run as whoever runs them. Root in a sandbox has no capability, so the fence is the same for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import LOCUST, Project
from demo.openbao import OpenBao
from support.run import BIN, NOBODY, Result, clean_environment, started, why_no_ordinary_user
from support.server import Server

INTRUDER = Path(__file__).resolve().parent / "support" / "inside.py"


def landlock_version() -> int:
    """That of this kernel; 0: none."""
    return max(ctypes.CDLL(None).syscall(444, None, 0, 1), 0)


needs_landlock = pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")
needs_ports = pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock knows no ports")
needs_scopes = pytest.mark.skipif(landlock_version() < 6, reason="this kernel's Landlock knows no signals")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gets a network without a user namespace")

USERS = """\
import os
import gevent
from locust import {user}, constant, task


class Shopper({user}):
    wait_time = constant(0.05)

    @task
    def orders(self):
        self.client.get("/orders", headers={{"Authorization": "Bearer " + os.environ["API_KEY"]}})
        options = self.environment.parsed_options
        # Under a master it is the master that ends the test.
        if options.headless and not options.processes:
            gevent.spawn_later(2.5, self.environment.runner.quit)
"""


@pytest.fixture
def value() -> str:
    return "sk_" + os.urandom(12).hex()


@pytest.fixture
def shopping(project: Project, value: str) -> Project:
    """A project with a secret from a file, bound to whatever is at 127.0.0.1."""
    project.write("key", value, 0o600)
    project.write("locustfile.py", USERS.format(user="HttpUser"))
    return project


def inside(
    project: Project,
    *attempts: str,
    options: tuple[str, ...] = ("--sandbox",),
    env: dict[str, str] | None = None,
) -> dict[str, str]:
    """How each attempt ended, in the sandbox or with other options."""
    script = project.write("inside.py", INTRUDER.read_text())
    secret = ("--secret", "API_KEY=file:key")
    environment = {"WISHES": "\n".join(attempts), **(env or {})}
    command = (project.tegmen, "run", *secret, *options, "--", sys.executable, script)
    result = project.run(*command, env=environment)
    assert result.status == 0, result.output
    outcome: dict[str, str] = json.loads(result.stdout.splitlines()[-1])
    return outcome


def run_locust(project: Project, server: Server, *options: str, locust: tuple[str, ...] = ()) -> Result:
    secret = ("--secret", "API_KEY=file:key", "--hosts", server.origin)
    return project.tegmen_run(*secret, "--sandbox", *options, locust=("--host", server.origin, *locust))


@pytest.mark.parametrize(
    ("user", "network"),
    [("HttpUser", "auto"), ("FastHttpUser", "auto"), ("HttpUser", "ports"), ("FastHttpUser", "ports")],
)
def test_locust_works_inside(shopping: Project, echo_server: Server, value: str, user: str, network: str) -> None:
    shopping.write("locustfile.py", USERS.format(user=user))
    outputs = ("--csv", "out/run", "--html", "report.html", "--logfile", "locust.log")
    result = run_locust(shopping, echo_server, "--network", network, locust=outputs)
    assert result.status == 0, result.output
    assert echo_server.last.header("Authorization") == f"Bearer {value}"
    assert "orders" in shopping.read("out/run_stats.csv")
    assert "/orders" in shopping.read("report.html")
    assert shopping.read("locust.log")
    assert value not in result.output


@pytest.mark.parametrize("network", ["auto", "ports"])
def test_a_target_by_ipv6(shopping: Project, value: str, network: str) -> None:
    users = USERS.format(user="HttpUser") + USERS.format(user="FastHttpUser").replace("class ", "class Fast")
    shopping.write("locustfile.py", users)
    try:
        server = Server(None, None, "::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        host = f"http://[::1]:{server.port}"
        secret = ("--secret", "API_KEY=file:key", "--hosts", host, "--sandbox", "--network", network)
        shopping.tegmen_run(*secret, locust=("--host", host)).check()
        assert {request.header("Authorization") for request in server.requests} == {f"Bearer {value}"}


@needs_root
def test_a_target_that_is_down_refuses_and_is_found_again(shopping: Project) -> None:
    """But for the first connection, which the relay has taken before it knew."""
    port = free_port()
    script = shopping.write(
        "dials.py",
        """
        import socket, sys, time
        def dial():
            try:
                with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20) as stream:
                    stream.sendall(b"x")
                    return stream.recv(1).decode()
            except OSError as error:
                return type(error).__name__
        def wait(for_what):
            for _ in range(2000):
                if dial() == for_what:
                    return print(for_what, flush=True)
                time.sleep(0.01)
        wait("ConnectionRefusedError")
        input()
        wait("y")
        input()
        wait("ConnectionRefusedError")
        """,
    )
    options = ("--secret", "API_KEY=file:key", "--sandbox", "--reach", f"http://127.0.0.1:{port}", "--", sys.executable)
    command = [str(part) for part in (shopping.tegmen, "run", *options, script, port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started(command, cwd=shopping.path, env=clean_environment(shopping.path), **pipes) as run:
        assert run.stdin and run.stdout and run.stdout.readline() == "ConnectionRefusedError\n"
        with socket.create_server(("127.0.0.1", port)) as target:
            threading.Thread(target=answer_y, args=(target,), daemon=True).start()
            print(file=run.stdin, flush=True)
            assert run.stdout.readline() == "y\n"
            target.shutdown(socket.SHUT_RDWR)
        print(file=run.stdin, flush=True)
        assert run.stdout.readline() == "ConnectionRefusedError\n"
    assert run.returncode == 0


@needs_root
def test_a_relay_without_descriptors_left_waits_and_goes_on(shopping: Project, echo_server: Server) -> None:
    script = shopping.write(
        "holds.py",
        """
        import os, socket, sys
        address = ("127.0.0.1", int(sys.argv[1]))
        def dial(how_many):
            streams = []
            for _ in range(how_many):
                try:
                    streams.append(socket.create_connection(address, 20))
                except OSError:
                    pass
            return streams
        # Two processes may have more connections than the relay, which needs two descriptors for each. Those that are
        # held to the end leave room for others.
        ends, lasts = os.pipe()
        other = os.fork()
        held = dial(60 if other else 20)
        if not other:
            os.close(lasts)
            os.read(ends, 1)
            os._exit(0)
        print("full", flush=True)
        input()
        for stream in held:
            stream.close()
        print("freed", flush=True)
        while True:
            try:
                with socket.create_connection(address, 20) as stream:
                    stream.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                    if stream.recv(4):
                        break
            except OSError:
                pass
        print("again", flush=True)
        """,
    )
    options = ("--secret", "API_KEY=file:key", "--sandbox", "--reach", echo_server.origin, "--", sys.executable)
    command = [str(part) for part in (shopping.tegmen, "run", *options, script, echo_server.port)]
    limited = ["sh", "-c", 'ulimit -Hn 100; ulimit -n 100; exec "$@"', "sh", *command]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started(limited, cwd=shopping.path, env=clean_environment(shopping.path), **pipes) as run:
        assert run.stdin and run.stdout and run.stdout.readline() == "full\n"
        relay = next(pid for pid in children(run.pid) if Path(f"/proc/{pid}/comm").read_text() == "run-relay\n")
        before = processor_time(relay)
        time.sleep(1)
        # It would be busy all the time.
        assert processor_time(relay) - before < 0.5
        print(file=run.stdin, flush=True)
        assert run.stdout.readline() == "freed\n" and run.stdout.readline() == "again\n"
        run.stdin.close()
    assert run.returncode == 0


def processor_time(pid: int) -> float:
    """What a process has used, in seconds (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answer_y(target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            with target.accept()[0] as stream, contextlib.suppress(OSError):
                stream.recv(1)
                stream.sendall(b"y")


@needs_root
def test_nothing_of_the_relay_stays_behind(shopping: Project, echo_server: Server) -> None:
    """Not even an end that nobody has taken: in a container there may be nobody who does."""
    script = "import os; print(*[p for p in os.listdir('/proc') if p.isdigit()])"
    command = (shopping.tegmen, "run", "--secret", "API_KEY=file:key", "--sandbox", "--reach", echo_server.origin, "--")
    parent = shopping.write(
        "parent.py",
        """
        import ctypes, os, pathlib, subprocess, sys
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans come to us
        status = subprocess.run(sys.argv[1:]).returncode
        left = [pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                for task in pathlib.Path("/proc/self/task").iterdir()
                for pid in (task / "children").read_text().split()]
        print("left", status, left)
        """,
    )
    result = shopping.run(sys.executable, parent, *command, sys.executable, "-c", script).check()
    assert result.stdout.splitlines()[-1] == "left 0 []"


def test_workers_work_inside(shopping: Project, echo_server: Server, value: str) -> None:
    result = run_locust(shopping, echo_server, locust=("--processes", "2", "-t", "8s"))
    assert result.status == 0, result.output
    assert echo_server.last.header("Authorization") == f"Bearer {value}"


def test_the_web_page_works_inside(shopping: Project, echo_server: Server, value: str) -> None:
    port = free_port()
    secret = ("--secret", "API_KEY=file:key", "--hosts", echo_server.origin)
    command = [
        *(str(part) for part in (shopping.tegmen, "run", *secret, "--sandbox", "--", BIN / "locust")),
        *("--web-host", "127.0.0.1", "--web-port", str(port), "--host", echo_server.origin),
    ]
    with running(shopping, command) as process:
        page = fetch(f"http://127.0.0.1:{port}/", process)
        assert "Locust" in page
        form = b"user_count=1&spawn_rate=1&host=" + echo_server.origin.encode()
        urllib.request.urlopen(f"http://127.0.0.1:{port}/swarm", data=form, timeout=20).read()
        deadline = time.monotonic() + 20
        while not echo_server.requests and time.monotonic() < deadline:
            time.sleep(0.1)
        assert echo_server.last.header("Authorization") == f"Bearer {value}"


@needs_landlock
def test_nothing_of_the_home_folder_can_be_read(shopping: Project) -> None:
    home = shopping.path.parent / "home"
    places = [".ssh/id_ed25519", ".aws/credentials", ".vault-token", ".local/share/tegmen/store.age", "notes.txt"]
    for place in places:
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text("x")
    wishes = [f"read,{home / place}" for place in places] + [f"list,{home}"]
    assert set(inside(shopping, *wishes, options=(), env={"HOME": str(home)}).values()) == {"done"}
    assert set(inside(shopping, *wishes, env={"HOME": str(home)}).values()) == {"EACCES"}


@needs_landlock
def test_the_project_can_be_read_and_not_written_and_its_secrets_neither(shopping: Project) -> None:
    shopping.write(".git/config", "x")
    root = shopping.path
    wishes = [
        "read,locustfile.py",
        "list,.",
        "write,new.py",
        "write,locustfile.py",
        "read,key",
        f"read,{root}/.git/config",
    ]
    wishes += ["write,out/a.csv", "write,/tmp/tegmen-test-of-the-sandbox"]
    outcome = inside(shopping, *wishes, options=("--sandbox", "--writable", "out"))
    assert [outcome[wish] for wish in wishes] == ["done", "done"] + ["EACCES"] * 4 + ["done", "EACCES"]


@needs_landlock
def test_the_environment_of_another_process_cannot_be_read(shopping: Project) -> None:
    with subprocess.Popen(["sleep", "60"], env={"DB_PASSWORD": "x"}) as other:
        wishes = [f"read,/proc/{other.pid}/environ", f"read,/proc/{other.pid}/mem"]
        assert inside(shopping, wishes[0], options=())[wishes[0]] == "done"
        assert set(inside(shopping, *wishes).values()) == {"EACCES"}
        other.kill()


@needs_ports
def test_only_the_ports_of_the_target_can_be_connected_to(
    shopping: Project, make_server: Callable[..., Server]
) -> None:
    target, other = make_server(), make_server()
    ports = [server.port for server in (target, other)]
    wishes = [f"connect,127.0.0.1,{port}" for port in ports]
    reach = ("--sandbox", "--network", "ports", "--reach", target.origin)
    assert [inside(shopping, *wishes, options=reach)[wish] for wish in wishes] == ["done", "EACCES"]
    assert set(inside(shopping, *wishes, options=()).values()) == {"done"}


def own_address() -> str:
    """An address of this machine that others reach it at. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.250", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        address: str = probe.getsockname()[0]
        return address


@needs_root
def test_only_the_hosts_of_the_target_can_be_reached(shopping: Project, make_server: Callable[..., Server]) -> None:
    """The same port of another host: this machine by two other addresses, one of an interface."""
    address = own_address()
    with socket.create_server(("0.0.0.0", 0), backlog=16) as target:
        port = target.getsockname()[1]
        wishes = [f"connect,{host},{port}" for host in ("127.0.0.1", "localhost", "127.0.0.2", address)]
        wishes += [f"datagram,{address},{port}", "lookup,elsewhere.example", "lookup,localhost"]
        reach = ("--sandbox", "--reach", f"http://localhost:{port}")
        outcome = inside(shopping, *wishes, options=reach)
        refused = {wishes[2]: "ECONNREFUSED"} | dict.fromkeys(wishes[3:5], "ENETUNREACH") | {wishes[5]: "ENOENT"}
        assert outcome == dict.fromkeys((wishes[0], wishes[1], wishes[6]), "done") | refused
        # By port alone, all of it can be done.
        assert set(inside(shopping, *wishes[:5], options=(*reach, "--network", "ports")).values()) == {"done"}


@needs_root
def test_the_run_says_that_it_is_by_host(shopping: Project, echo_server: Server) -> None:
    told = run_locust(shopping, echo_server).check().stderr
    assert f"connections to 127.0.0.1:{echo_server.port} alone, by a relay" in told and "of any host" not in told


@needs_root
def test_without_the_relay_nothing_leads_out(shopping: Project, echo_server: Server) -> None:
    script = shopping.write(
        "outlives.py",
        """
        import socket, sys, time
        address = ("127.0.0.1", int(sys.argv[1]))
        socket.create_connection(address).close()
        print("out", flush=True)
        input()
        try:
            socket.create_connection(address, timeout=5).close()
        except OSError as error:
            print(type(error).__name__, flush=True)
        """,
    )
    options = ("--secret", "API_KEY=file:key", "--sandbox", "--reach", echo_server.origin, "--", sys.executable)
    command = [str(part) for part in (shopping.tegmen, "run", *options, script, echo_server.port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started(command, cwd=shopping.path, env=clean_environment(shopping.path), **pipes) as run:
        assert run.stdin and run.stdout and run.stdout.readline() == "out\n"
        relay = [pid for pid in children(run.pid) if Path(f"/proc/{pid}/comm").read_text() == "run-relay\n"]
        os.kill(relay[0], signal.SIGKILL)
        time.sleep(0.3)
        run.stdin.write("\n")
        run.stdin.flush()
        assert run.stdout.readline() == "ConnectionRefusedError\n"
    assert run.returncode == 0


def children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


@needs_root
def test_master_and_worker_in_a_sandbox_each(shopping: Project, echo_server: Server, value: str) -> None:
    port = free_port()
    run = (shopping.tegmen, "run", "--secret", "API_KEY=file:key", "--hosts", echo_server.origin, "--sandbox", "--")
    common = (BIN / "locust", "--host", echo_server.origin)
    master = (*run, *common, "--master", "--headless", "-u", "2", "-r", "2", "-t", "3s", "--expect-workers", "1")
    master = (*master, "--master-bind-port", port, "--expect-workers-max-wait", "60")
    worker = [str(part) for part in (*run, *common, "--worker", "--master-port", port)]
    with running(shopping, worker) as process:
        result = shopping.run(*(str(part) for part in master)).check()
        assert "1 workers" in result.output or "workers" in result.output
        assert process.wait(30) == 0
    assert echo_server.last.header("Authorization") == f"Bearer {value}"


@needs_root
def test_a_program_in_between_and_the_stand_in_for_vault(
    shopping: Project, echo_server: Server, bao: OpenBao, value: str
) -> None:
    """A program in between closes descriptors: the broker is found by its name then, inside too."""
    bao.put("sandboxed", {"api_key": value})
    shopping.write(
        "between.py",
        """
        import subprocess, sys
        raise SystemExit(subprocess.run([sys.executable, "asks.py", *sys.argv[1:]], close_fds=True).returncode)
        """,
    )
    shopping.write(
        "asks.py",
        """
        import hvac, os, requests, sys
        client = hvac.Client()
        data = client.secrets.kv.v2.read_secret_version(path="sandboxed", raise_on_deleted_version=True)
        key = data["data"]["data"]["api_key"]
        print(requests.get(sys.argv[1], headers={"Authorization": "Bearer " + key}).status_code)
        """,
    )
    secret = ("--secret", "API_KEY=vault:secret/sandboxed#api_key", "--hosts", echo_server.origin)
    run = (shopping.tegmen, "run", *secret, "--sandbox", "--", sys.executable, "between.py", echo_server.origin)
    env = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token}
    result = shopping.run(*run, env=env).check()
    assert "200" in result.stdout and "by a relay" in result.stderr
    assert echo_server.last.header("Authorization") == f"Bearer {value}"


@needs_root
def test_root_without_the_right_to_a_network_goes_by_port_and_says_so(shopping: Project, echo_server: Server) -> None:
    """As in a container."""
    less = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
    run = (*less, shopping.tegmen, "run", "--secret", "API_KEY=file:key", "--hosts", echo_server.origin, "--sandbox")
    told = shopping.run(*run, "--", "true").check().stderr
    assert "the kernel gives no network namespace" in told and "of any host" in told
    strict = shopping.run(*run, "--require-hardening", "--", "true").check(125).stderr
    assert "the kernel gives no network namespace" in strict
    shopping.run(*run, "--require-hardening", "--network", "ports", "--", "true").check()


@needs_root
def test_an_ordinary_user_gets_it_in_a_user_namespace(
    shopping: Project, make_server: Callable[..., Server], value: str
) -> None:
    if reason := why_no_ordinary_user():
        pytest.skip(reason)
    target, other = make_server(), make_server()
    open_to_all(shopping)
    os.chown(shopping.path / "key", NOBODY, NOBODY)
    as_user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
    run = (*as_user, shopping.tegmen, "run", "--secret", "API_KEY=file:key", "--hosts", target.origin, "--sandbox")
    env = {"HOME": "/nonexistent"}
    by_port = shopping.run(*run, "--", "true", env=env).check()
    assert "of any host (Landlock knows ports, not hosts)" in by_port.stderr
    hosts = (*run, "--network", "hosts", "--reach", f"127.0.0.9:{other.port}")
    result = shopping.run(*hosts, "--", *LOCUST, "--host", target.origin, env=env)
    if "namespace" in result.stderr and result.status == 125:
        pytest.skip("this machine gives ordinary users no user namespaces")
    assert result.status == 0, result.output
    assert target.last.header("Authorization") == f"Bearer {value}"
    assert "other processes of this user can look into the command" in result.stderr
    script = shopping.write("inside.py", INTRUDER.read_text(), 0o644)
    wish = f"connect,127.0.0.1,{other.port}"
    told = shopping.run(*hosts, "--", sys.executable, script, env=env | {"WISHES": wish}).check()
    assert json.loads(told.stdout.splitlines()[-1]) == {wish: "ECONNREFUSED"}


@needs_ports
def test_the_ways_round_the_rules_on_ports_are_closed(shopping: Project, echo_server: Server) -> None:
    port = echo_server.port
    wishes = [f"fast_open,127.0.0.1,{port}", f"multipath,127.0.0.1,{port}", "raw"]
    outcome = inside(shopping, *wishes, options=("--sandbox", "--network", "ports"))
    assert set(outcome.values()) == {"EPERM"}, outcome


def test_code_inside_can_still_reveal(shopping: Project, value: str) -> None:
    """What no fence keeps from code inside, and is said: it gets the value, though no output does."""
    script = "import sys; from tegmen import secret; print(len(secret('API_KEY').reveal()), secret('API_KEY').reveal())"
    run = (shopping.tegmen, "run", "--secret", "API_KEY=file:key", "--sandbox", "--", sys.executable, "-c", script)
    result = shopping.run(*run).check()
    assert result.stdout.split() == [str(len(value)), "[API_KEY]"] and value not in result.output


@needs_ports
def test_only_wanted_ports_can_be_listened_on(shopping: Project) -> None:
    ports = [free_port(), free_port()]
    wishes = [f"listen,{port}" for port in ports]
    outcome = inside(shopping, *wishes, options=("--sandbox", "--listen", str(ports[0])))
    assert [outcome[wish] for wish in wishes] == ["done", "EACCES"]


CALLS = [
    *(
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "pidfd_getfd",
        "kcmp",
        "bpf",
        "perf_event_open",
        "userfaultfd",
    ),
    *("keyctl", "add_key", "request_key", "kexec_load", "kexec_file_load", "init_module", "finit_module"),
    *("delete_module", "mount", "umount2", "pivot_root", "chroot", "fsopen", "move_mount", "unshare", "setns"),
    *("open_by_handle_at", "syslog", "swapon", "iopl"),
]


def test_system_calls_that_no_test_needs_are_refused(shopping: Project) -> None:
    wishes = [f"call,{name}" for name in CALLS] + ["new_namespace"]
    outcome = inside(shopping, *wishes)
    assert set(outcome.values()) == {"EPERM"}, outcome
    hidden = ["call,io_uring_setup", "call,clone3"] + (["second_numbering"] if os.uname().machine == "x86_64" else [])
    assert set(inside(shopping, *hidden).values()) == {"ENOSYS"}


def test_sockets_of_the_machine_and_of_other_kinds_are_refused(shopping: Project, tmp_path: Path) -> None:
    path = str(tmp_path / "engine.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
        engine.bind(path)
        engine.listen()
        wishes = [f"neighbour,{path}", f"family,{socket.AF_VSOCK}", "family,38"]
        assert inside(shopping, wishes[0], options=())[wishes[0]] == "done"
        assert set(inside(shopping, *wishes).values()) == {"EPERM"}


def test_no_capability_is_left(shopping: Project) -> None:
    assert set(inside(shopping, "capabilities")["capabilities"]) == {"0"}


def test_nobody_is_let_into_the_files_of_the_user(shopping: Project, tmp_path: Path) -> None:
    """Landlock rules on reading and writing, not on modes: one would open to others what the test cannot read."""
    kept = tmp_path / "outside"
    for path in (kept, shopping.path / "data.txt"):
        path.write_text("x")
        path.chmod(0o600)
    wishes = [f"chmod,{kept},{mode}" for mode in ("644", "620", "601", "4700")]
    wishes += [f"chmod,{shopping.path / 'key'},640", f"fchmod,{shopping.path / 'data.txt'},604"]
    wishes += [f"chown,{kept}", f"lend,{kept}"]
    assert set(inside(shopping, *wishes).values()) == {"EPERM"}
    assert kept.stat().st_mode & 0o7777 == 0o600
    own = "chmod,data.txt,400"
    assert inside(shopping, own)[own] == "done"
    assert inside(shopping, wishes[0], options=())[wishes[0]] == "done"


def test_no_limit_is_set_for_processes_outside(shopping: Project) -> None:
    """One on the time of the processor ends a process as a signal would."""
    with subprocess.Popen(["sleep", "60"]) as other:
        wish = f"limit,{other.pid}"
        assert inside(shopping, wish)[wish] == "EPERM"
        assert inside(shopping, wish, options=())[wish] == "done"
        other.kill()


@needs_scopes
def test_processes_outside_cannot_be_signalled(shopping: Project) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        wish = f"signal,{other.pid}"
        assert inside(shopping, wish, options=())[wish] == "done"
        assert inside(shopping, wish)[wish] == "EPERM"
        other.kill()


def test_the_run_says_what_holds(shopping: Project, echo_server: Server) -> None:
    result = run_locust(shopping, echo_server, "--network", "ports")
    port = echo_server.port
    assert re.search(
        rf"TCP connections to port .*{port}.* of any host \(Landlock knows ports, not hosts\)", result.stderr
    )
    unknown = shopping.tegmen_run("--secret", "API_KEY=file:key", "--sandbox", locust=("-t", "3s"))
    assert "the target is not known before the start" in unknown.stderr
    assert "of any host" in unknown.stderr
    hosts = shopping.tegmen_run("--secret", "API_KEY=file:key", "--sandbox", "--network", "hosts", locust=("-t", "3s"))
    assert hosts.status == 125 and "--reach HOST:PORT" in hosts.stderr


def test_report_says_what_would_be_refused_and_refuses_nothing(shopping: Project, echo_server: Server) -> None:
    shopping.write(
        "report.py",
        """
        import pathlib, socket
        print(pathlib.Path("key").exists(), len(open("key").read()))
        open("made.txt", "w").close()
        pathlib.Path("made.txt").chmod(0o600)
        pathlib.Path("made.txt").chmod(0o640)
        print(open("report.py").readline())
        try:
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        except OSError:
            pass
        """,
    )
    command = ("--secret", "API_KEY=file:key", "--sandbox=report", "--reach", echo_server.origin, "--")
    result = shopping.run(shopping.tegmen, "run", *command, sys.executable, "report.py").check()
    assert (shopping.path / "made.txt").exists()
    told = re.findall(r"the sandbox would refuse: (.*)", result.stderr)
    root = shopping.path.resolve()
    assert f"read {root}/key" in told and f"write {root}/made.txt" in told
    assert [line for line in told if "mode" in line] == [f"give others rights, by mode 640, to {root}/made.txt"]
    assert "connect to 127.0.0.1 port 9" in told
    assert not [line for line in told if "report.py" in line or "site-packages" in line], told


@needs_root
def test_report_tells_hosts_apart(shopping: Project, echo_server: Server) -> None:
    shopping.write(
        "report.py",
        """
        import socket, sys
        for host in ("127.0.0.1", "127.0.0.2", "elsewhere.invalid"):
            try:
                socket.create_connection((host, int(sys.argv[1])), timeout=1).close()
            except OSError:
                pass
        """,
    )
    run = (shopping.tegmen, "run", "--secret", "API_KEY=file:key", "--sandbox=report", "--reach", echo_server.origin)
    for network, more in (("hosts", {"connect to 127.0.0.2 port", "look up elsewhere.invalid"}), ("ports", set())):
        command = (*run, "--network", network, "--", sys.executable, "report.py", echo_server.port)
        result = shopping.run(*(str(part) for part in command)).check()
        told = re.findall(r"would refuse: (connect to \S+ port|look up \S+)", result.stderr)
        assert set(told) == more, result.stderr


def test_a_kernel_without_protections_is_said_and_can_be_an_error(shopping: Project, echo_server: Server) -> None:
    old = [sys.executable, "-c", OLD_KERNEL, str(shopping.tegmen), "run", "--secret", "API_KEY=file:key"]
    script = ["--", "sh", "-c", "echo ran"]
    result = shopping.run(*old, "--sandbox", *script)
    assert result.status == 0 and "ran" in result.stdout, result.output
    assert result.stderr.count("Landlock is not there") == 1
    assert result.stderr.count("memfd_secret is not there") == 1
    strict = shopping.run(*old, "--sandbox", "--require-hardening", *script)
    assert strict.status == 125 and "ran" not in strict.stdout
    assert "--require-hardening: " in strict.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a command as another user")
def test_another_user(shopping: Project, echo_server: Server, value: str) -> None:
    if reason := why_no_ordinary_user():
        pytest.skip(reason)
    open_to_all(shopping)
    secret = ("--secret", "API_KEY=file:key", "--hosts", echo_server.origin)
    locust = (*LOCUST, "--host", echo_server.origin, "--logfile", "/dev/stdout")
    for sandbox in ((), ("--sandbox",)):
        user = ("--user", str(NOBODY), *sandbox)
        result = shopping.run(shopping.tegmen, "run", *secret, *user, "--", *locust, env={"HOME": "/nonexistent"})
        assert result.status == 0, result.output
        assert echo_server.last.header("Authorization") == f"Bearer {value}"
        assert "Starting Locust" in result.stdout, "the log is open by its name, though the pipe is root's"
        several = (*LOCUST, "--host", echo_server.origin, "--processes", "2", "-t", "4s")
        sent = len(echo_server.requests)
        shopping.run(shopping.tegmen, "run", *secret, *user, "--", *several, env={"HOME": "/nonexistent"}).check()
        assert len(echo_server.requests) > sent
        told = shopping.run(shopping.tegmen, "run", *secret, *user, "--", "sh", "-c", "id -u; id -G")
        assert set(told.stdout.split()) == {str(NOBODY)}, told.output


def test_mistakes_in_options_are_said(shopping: Project) -> None:
    def told(*options: str) -> str:
        result = shopping.run(shopping.tegmen, "run", *options, "--", "true")
        assert result.status == 125
        return result.stderr

    assert "add --sandbox" in told("--writable", "out")
    assert "there is no user no-such-user" in told("--user", "no-such-user") or os.geteuid() != 0
    assert "nowhere" in told("--sandbox", "--readable", "nowhere")
    assert "three octal digits" in told("--umask", "abc")


#: A kernel without Landlock and memfd_secret: a filter says that there are no such calls, then the command takes over.
OLD_KERNEL = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
steps = [(0x20, 0, 0, 0), (0x15, 1, 0, 444), (0x15, 0, 1, 447), (0x06, 0, 0, 0x50000 | 38), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
program = Program(len(steps), ctypes.addressof(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program)) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"""


def open_to_all(project: Project) -> None:
    """Lets an ordinary user read the project."""
    for folder in (project.path, *project.path.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith(("/tmp/pytest", str(project.path))):
            folder.chmod(0o755)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(project: Project, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=project.path, env=clean_environment(project.path), stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def fetch(url: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 30
    while True:
        try:
            page: bytes = urllib.request.urlopen(url, timeout=5).read()
            return page.decode()
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
