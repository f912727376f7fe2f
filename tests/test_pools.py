"""Pools: each simulated user has a record of its own, whose secret fields are placeholders."""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Callable

import pytest

from conftest import Project
from demo.forms import found
from demo.openbao import OpenBao
from support.run import Result
from support.server import Server

USERS = ["HttpUser", "FastHttpUser"]

SHOPPER = """\
import os
from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import StopUser
from tegmen import pool

SHOPPERS = pool("shoppers")


class Shopper({user}):
    wait_time = constant(0.1)
    host = "{host}"

    def on_start(self):
        self.me = SHOPPERS.checkout()
        print("shopper", self.me.user, self.me["password"], self.me, os.getpid())
        self.client.post("/login", json={{"user": self.me.user, "password": self.me.password, "pid": os.getpid()}})

    @task
    def task(self):
        with self.client.get("/orders", headers={{"X-Key": self.me.password}}, catch_response=True) as response:
            response.failure(f"refused: {{self.me.password}}")
        # Enough is enough, however slow the machine.
        seen.append(1)
        if len(seen) > 8 and QUITS:
            self.environment.runner.quit()
        {more}


seen, QUITS = [], {quits}
"""


class Pool:
    """A project with a pool of some records, and what the server was sent."""

    def __init__(self, project: Project, server: Server, records: int) -> None:
        self.project, self.server = project, server
        self.passwords = {f"user-{number}": f"{secrets.token_hex(8)}/+{number}" for number in range(records)}

    def csv(self) -> str:
        rows = [f"{user},{password}" for user, password in self.passwords.items()]
        return "\n".join(["user,password", *rows, ""])

    def write(
        self, user: str = "HttpUser", more: str = "pass", *, lines: str = "", source: str = "", quits: bool = True
    ) -> None:
        file = self.project.path.parent / "shoppers.csv"
        file.write_text(self.csv())
        manifest = [f'source = "{source or f"file:{file}"}"', 'secret_fields = ["password"]', lines]
        self.project.write("tegmen.toml", "\n".join(["[pools.shoppers]", *manifest, ""]))
        self.project.write("locustfile.py", SHOPPER.format(user=user, host=self.server.origin, more=more, quits=quits))

    def logins(self) -> list[tuple[str, str]]:
        """Users and passwords that arrived, each of which must be a record."""
        bodies = [json.loads(request.body) for request in self.server.requests if request.target == "/login"]
        for body in bodies:
            assert self.passwords[body["user"]] == body["password"]
        return [(body["user"], body["pid"]) for body in bodies]

    def check_clean(self, result: Result) -> str:
        files = (path for path in sorted(self.project.path.rglob("*")) if path.is_file())
        text = result.output + "".join(path.read_text(errors="surrogateescape") for path in files)
        for password in self.passwords.values():
            assert found(password, text) == set(), result.output
        return text


@pytest.fixture
def make_pool(project: Project, echo_server: Server) -> Callable[[int], Pool]:
    return lambda records: Pool(project, echo_server, records)


OUTPUTS = ("--csv", "out", "--html", "report.html", "--logfile", "locust.log")


@pytest.mark.parametrize("user", USERS)
def test_each_user_has_its_own_record_and_no_output_has_a_password(make_pool: Callable[[int], Pool], user: str) -> None:
    pool = make_pool(5)
    pool.write(user)
    result = pool.project.tegmen_run(locust=("-u", "3", "-r", "3", "-t", "30s", *OUTPUTS)).check(1)
    users = [user for user, _ in pool.logins()]
    assert len(users) == len(set(users)) == 3
    keys = {request.header("X-Key") for request in pool.server.requests if request.target == "/orders"}
    assert keys == {pool.passwords[user] for user in users}
    text = pool.check_clean(result)
    assert "[shoppers.password]" in text
    assert "<Record of shoppers: user, password>" in result.stdout
    assert (
        "pool shoppers: 5 records from file:" in result.stderr and "when all are out, checkout() fails" in result.stderr
    )
    assert "pool shoppers: 3 of 5 records used, 3 at a time" in result.stderr


def test_processes_share_a_pool(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(6)
    pool.write(quits=False)
    result = pool.project.tegmen_run(locust=("--processes", "2", "-u", "6", "-r", "6", "-t", "6s")).check(1)
    users = pool.logins()
    assert len({user for user, _ in users}) == len(users) == 6, result.output
    assert len({pid for _, pid in users}) == 2
    pool.check_clean(result)


def test_a_user_that_stops_gives_its_record_back_and_waiting_holds_up_nobody(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(1)
    pool.write(more="raise StopUser()", lines='on_empty = "wait"', quits=False)
    ticker = """
        import gevent
        ticks = []

        def tick():
            while True:
                ticks.append(1)
                gevent.sleep(0.01)

        gevent.spawn(tick)
        from locust import events

        @events.quitting.add_listener
        def told(**_):
            print("ticks", len(ticks))
    """
    locustfile = pool.project.path / "locustfile.py"
    locustfile.write_text(locustfile.read_text() + "\n".join(line[8:] for line in ticker.splitlines()))
    result = pool.project.tegmen_run(locust=("-u", "3", "-r", "3", "-t", "8s"))
    assert len(pool.logins()) == 3, result.output
    ticks = int(result.stdout.rpartition("ticks ")[2].split()[0])
    assert ticks > 60, "the hub went on while users waited"
    assert "all 1 records of the pool [shoppers] are out: users wait" in result.output
    assert "1 of 1 records used, 1 at a time" in result.stderr
    assert "all records were out when one was wanted; users waited" in result.stderr


SCRIPT = """\
import os
from tegmen import PoolEmpty, pool
import urllib.request

shoppers = pool("shoppers")
print("size", len(shoppers), shoppers)
one = shoppers.checkout()
assert dict(one).keys() == {"user", "password"} and one["user"] == one.user and len(one) == 2
print("revealed" if one.password.reveal() == os.environ["EXPECTED"] else "wrong")
try:
    one.nothing
except AttributeError as error:
    print(error)
with shoppers.checkout() as two:
    assert two.user != one.user
    try:
        shoppers.checkout()
    except PoolEmpty as error:
        print("empty:", error)
try:
    print("another's", two.password.reveal())
except KeyError as error:
    print("given back:", error.args[0])
again = shoppers.checkout()
assert again.user == two.user and again.password == two.password, "the same placeholder"
again.release()
again.release()

def send(password):
    try:
        request = urllib.request.Request(os.environ["TARGET"], headers={"X-Password": password})
        urllib.request.urlopen(request).read()
        return "sent"
    except OSError as error:
        return f"refused: {error}"

print("two", send(two.password))
print("one", send(one.password))
if os.fork() == 0:
    # The parent's record is not the child's to give back, and what the child has comes back with its end.
    one.release()
    child = shoppers.checkout()
    assert child.user == two.user
    os._exit(0)
os.wait()
deadline = 200
while deadline:
    try:
        last = shoppers.checkout()
        break
    except PoolEmpty:
        import time
        time.sleep(0.05)
        deadline -= 1
print("after the child", last.user == two.user)
try:
    pool("shopers")
except KeyError as error:
    print(error)
"""


def test_checking_out_and_giving_back(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(2)
    pool.write(lines=f'hosts = ["{pool.server.origin}"]')
    pool.project.write("script.py", SCRIPT)
    env = {"EXPECTED": pool.passwords["user-0"], "TARGET": pool.server.origin}
    result = pool.project.run(pool.project.tegmen, "run", "--", sys.executable, "script.py", env=env).check()
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "size 2 <Pool shoppers: 2 records>",
        "revealed",
        "a record of [shoppers] has no nothing; it has user, password",
    ]
    assert lines[3].startswith("empty: all 2 records of the pool [shoppers] are out. Simulate fewer users")
    assert lines[4] == "given back: there is no secret shoppers.password, or it was given back"
    assert lines[5].startswith("two refused:") and "its placeholder stands for nothing in this process" in lines[5]
    assert lines[6:8] == ["one sent", "after the child True"]
    assert "there is no pool shopers; this run has: shoppers" in lines[8]
    assert pool.server.last.header("X-Password") == pool.passwords["user-0"]


WAITERS = """\
import threading
from tegmen import PoolEmpty, pool

one, other = pool("one"), pool("other")
held = one.checkout()
done = []


def wait(name, timeout):
    try:
        one.checkout(timeout=timeout)
    except PoolEmpty as error:
        done.append((name, str(error)))


long = threading.Thread(target=wait, args=("long", 4))
long.start()
while not done and "users wait" not in open("log").read():
    pass
# Whoever waits for a record of one pool holds up none of another, and nobody who asks what pools there are.
assert len(pool("other")) == 1 and other.checkout().user == "ann"
assert long.is_alive(), "the other pool had to wait"
short = threading.Thread(target=wait, args=("short", 0.1))
short.start()
short.join()
assert long.is_alive(), "who is behind somebody waits no longer than he wants"
long.join()
print(done)
"""


def test_who_waits_holds_up_nobody_else(project: Project) -> None:
    project.write("records.csv", f"user,password\nann,{secrets.token_hex(8)}\n")
    pools = (
        f'[pools.{name}]\nsource = "file:records.csv"\nsecret_fields = ["password"]\non_empty = "wait"\n'
        for name in ("one", "other")
    )
    project.write("tegmen.toml", "\n".join(pools))
    project.write("log", "")
    logged = "import logging\nlogging.basicConfig(filename='log', level=logging.WARNING)\n"
    project.write("script.py", logged + WAITERS)
    result = project.run(project.tegmen, "run", "--", sys.executable, "script.py").check()
    short, long = re.findall(r"'(\w+)', 'all 1 records of the pool \[one\] were out", result.stdout)
    assert (short, long) == ("short", "long")


def test_a_pool_that_cycles_says_so(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(2)
    pool.write(lines='on_empty = "cycle"')
    result = pool.project.tegmen_run(locust=("-u", "5", "-r", "5", "-t", "30s"))
    users = [user for user, _ in pool.logins()]
    assert len(users) == 5 and set(users) == {"user-0", "user-1"}
    assert "some have the same record (on_empty = cycle)" in result.output
    assert "3 times all records were out" in result.stderr
    pool.check_clean(result)


def test_brokers_divide_a_pool_by_shares(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(5)
    pool.write()
    pool.project.write(
        "all.py",
        """
        from tegmen import pool
        shoppers = pool("shoppers")
        print(*(shoppers.checkout().user for _ in range(len(shoppers))))
        """,
    )
    users = []
    for part in (1, 2):
        command = (pool.project.tegmen, "run", "--pool-share", f"{part}/2", "--", sys.executable, "all.py")
        result = pool.project.run(*command).check()
        assert f"of 5 records (share {part}/2)" in result.stderr
        users += result.stdout.split()
    assert sorted(users) == sorted(pool.passwords)
    result = pool.project.run(pool.project.tegmen, "run", "--pool-share", "3/2", "--", "true").check(125)
    assert "write a part and the number of parts" in result.stderr


@pytest.mark.parametrize("shape", ["map", "list", "text"])
def test_records_in_vault(make_pool: Callable[[int], Pool], bao: OpenBao, shape: str) -> None:
    pool = make_pool(3)
    records = [{"user": user, "password": password} for user, password in pool.passwords.items()]
    data: dict[str, object] = {
        "map": {record["user"]: {"password": record["password"]} for record in records},
        "list": {"all": records},
        "text": {"all": json.dumps(records)},
    }[shape]  # type: ignore[assignment]
    path = f"secret/pools-{shape}"
    status, _ = bao.call("POST", f"secret/data/pools-{shape}", {"data": data})
    assert status < 300
    pool.write(source=f"vault:{path}" + ("#all" if shape == "text" else ""), lines='key = "user"')
    pool.project.write(
        "all.py", "from tegmen import pool\nfor _ in range(3): print(pool('shoppers').checkout().user)\n"
    )
    env = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token}
    result = pool.project.run(pool.project.tegmen, "run", "--", sys.executable, "all.py", env=env).check()
    assert sorted(result.stdout.split()) == sorted(pool.passwords)
    pool.check_clean(result)


def test_mistakes_in_records_are_told_before_the_run(project: Project) -> None:
    value = secrets.token_hex(12)
    project.write("shoppers.csv", f"user,pasword\nann,{value}\n")
    project.write("tegmen.toml", '[pools.shoppers]\nsource = "file:shoppers.csv"\nsecret_fields = ["password"]\n')
    result = project.run(project.tegmen, "run", "--", "true").check(125)
    assert "cannot get shoppers (file:shoppers.csv): no record has the field `password`" in result.stderr
    assert "did you mean `pasword`?" in result.stderr and value not in result.output
