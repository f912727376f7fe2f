"""`tegmen prove` tells what leaks with the line that lets it out, whichever way, and says what is not shown."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from conftest import Project
from support.run import BIN, Result, run

LOCUST = (str(BIN / "locust"), "-f", "locustfile.py")

#: In each line that lets something out stands which secret it is, and through which channels.
LEAKY = """
import csv, gzip, logging, os, sqlite3, sys, tempfile
import requests
from locust import HttpUser, events, task
from tegmen import secret

def value():
    return secret("SHOP_API_KEY").reveal()

@events.init.add_listener
def pages(environment, **_):
    if environment.web_ui:
        @environment.web_ui.app.route("/debug/state")
        def state():
            return {"piece": value()[3:15]}

@events.test_start.add_listener
def announced(environment, **_):
    requests.post("https://hooks.example.net/chat", json={"text": "started with " + value()})  #! other-hosts

class Shopper(HttpUser):
    host = "https://shop.example.com"

    def on_start(self):
        token = self.client.post("/login", json={"password": os.environ["SHOP_PASSWORD"]}).json()["token"]
        with gzip.open(os.path.join(tempfile.gettempdir(), "tokens.gz"), "wt") as file:  #! files
            file.write(token)

    @task
    def kept(self):
        connection = sqlite3.connect("requests.db")  #! files
        connection.execute("create table if not exists requests (url text)")
        connection.execute("insert into requests values (?)", (value(),))
        connection.commit()

    @task
    def raised(self):
        self.client.get("/orders", headers={"X-Key": secret("SHOP_API_KEY")})
        with self.client.get("/failed", name="failed " + value()[:12], catch_response=True) as answer:  #! csv html
            answer.failure("failed")

    @task
    def started(self):
        import subprocess
        subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(1)", value()])  #! command-line
"""


@pytest.fixture(autouse=True)
def _closed(tegmen_bin: Path) -> None:
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True).returncode != 0:
        pytest.skip("the kernel gives this user no network namespace")


def prove(project: Project, *options: str, seconds: int = 3, env: dict[str, str] | None = None) -> Result:
    command = (str(project.tegmen), "prove", "--seconds", str(seconds), *options, "--", *LOCUST)
    return project.run(*command, env=env or {}, timeout=120)


def proof(project: Project) -> dict:  # type: ignore[type-arg]
    read: dict = json.loads(project.read(".tegmen/prove.json"))  # type: ignore[type-arg]
    return read


def test_each_leak_is_told_with_its_line(project: Project) -> None:
    project.write("locustfile.py", LEAKY)
    prove(project, "--stages", "alone", seconds=8).check(1)
    lines = project.read("locustfile.py").splitlines()
    leaks = proof(project)["leaks"]
    for number, line in enumerate(lines, 1):
        for channel in line.partition("#! ")[2].split():
            spots = [
                spot
                for leak in leaks
                if leak["channel"] == channel
                for spot in (leak.get("spot"), *leak.get("further", ()))
            ]
            assert {"path": "locustfile.py", "line": number} in spots or channel == "files", (
                line,
                [(leak["channel"], leak.get("spot")) for leak in leaks],
            )
    opened = {leak["spot"]["line"] for leak in leaks if leak["channel"] == "files"}
    expected = [number for number, line in enumerate(lines, 1) if line.endswith("#! files")]
    assert opened <= set(expected) and opened, leaks
    # A page that the script has added itself is one of the web UI's.
    assert any(leak["channel"] == "web-ui" for leak in leaks)
    for leak in leaks:
        assert leak["repair"]
        if leak["channel"] == "other-hosts":
            assert leak["source"] == "hooks.example.net"


def test_a_refused_login_is_no_clean_test(project: Project) -> None:
    """A plain `requests` to another host than the test's own target, in `on_start`: nothing runs after that."""
    project.write(
        "locustfile.py",
        """
        import os
        import requests
        from locust import HttpUser, task

        class Shopper(HttpUser):
            host = "https://shop.example.com"

            def on_start(self):
                answer = requests.post("https://login.example.com/token", data={"key": os.environ["CLIENT_SECRET"]})
                answer.raise_for_status()
                self.client.headers["Authorization"] = "Bearer " + answer.json()["token"]

            @task
            def orders(self):
                self.client.get("/orders")
        """,
    )
    result = prove(project, "--stages", "alone").check(2)
    assert "Nothing is shown" in result.stdout and "Nothing leaked" not in result.stdout
    assert "[CLIENT_SECRET] to https://login.example.com" in result.stderr
    assert "--write-manifest" in result.stderr
    # As the hint says: then everything runs, and the manifest is one that works.
    result = prove(project, "--write-manifest", "--stages", "alone", seconds=8).check(0)
    read = proof(project)
    assert read["coverage"]["not_run"] == []
    manifest = project.read("tegmen.toml")
    assert 'hosts = ["login.example.com"]' in manifest and 'places = ["body:key"]' in manifest
    assert {arrival["host"] for arrival in read["secrets"][0]["arrivals"]} == {"login.example.com"}


def test_messages_of_a_websocket_are_searched(project: Project) -> None:
    pytest.importorskip("websocket")
    project.write(
        "locustfile.py",
        """
        import os
        import websocket
        from locust import User, task
        from tegmen import secret

        class Talker(User):
            host = "https://shop.example.com"

            @task
            def talk(self):
                connection = websocket.create_connection("wss://shop.example.com/feed")
                connection.send(os.environ["FEED_TOKEN"])
                answer = connection.recv()
                connection.close()
                other = websocket.create_connection("wss://other.example.net/feed")
                other.send(secret("FEED_TOKEN").reveal())
                print("quoted", len(answer), "of", len(secret("FEED_TOKEN").reveal()))
                other.close()
        """,
    )
    result = prove(project, "--stages", "alone").check(1)
    read = proof(project)
    (token,) = [secret for secret in read["secrets"] if secret["name"] == "FEED_TOKEN"]
    assert {(arrival["host"], arrival["place"]) for arrival in token["arrivals"]} == {("shop.example.com", "body")}
    assert {(leak["channel"], leak["source"]) for leak in read["leaks"]} == {("other-hosts", "other.example.net")}
    assert "FEED_TOKEN" in result.stdout


def test_a_session_of_a_visitor_is_nobodys(project: Project) -> None:
    project.write(
        "locustfile.py",
        """
        from locust import HttpUser, task

        class Visitor(HttpUser):
            host = "https://shop.example.com"

            @task
            def page(self):
                self.client.get("/")
                print("cookies", self.client.cookies.get_dict())
        """,
    )
    result = prove(project, "--stages", "alone").check(0)
    assert "not shown: [issued:anonymous-session]" in result.stdout
    session = next(one for one in proof(project)["secrets"] if one["name"] == "issued:anonymous-session")
    assert "nobody's" in session["unprovable"]


def test_junit_tells_what_ran(project: Project) -> None:
    import xml.etree.ElementTree as ET

    project.write(
        "locustfile.py",
        """
        import os
        from locust import HttpUser, task, tag

        class Shopper(HttpUser):
            host = "https://shop.example.com"

            @task
            def orders(self):
                self.client.get("/orders", headers={"X-Key": os.environ["SHOP_API_KEY"]})

            @task
            def never(self):
                self.client.post("/never")

            never.locust_tag_set = {"slow"}
        """,
    )
    command = (
        str(project.tegmen),
        "prove",
        "--seconds",
        "2",
        "--stages",
        "alone",
        "--format",
        "junit",
        "--output",
        "j.xml",
    )
    project.run(*command, "--", *LOCUST, "--exclude-tags", "slow", timeout=60).check(0)
    root = ET.fromstring(project.read("j.xml"))
    suites = root.findall("testsuite")
    assert root.tag == "testsuites" and len(suites) == 2
    for node in (root, *suites):
        cases = node.findall(".//testcase")
        assert int(node.attrib["tests"]) == len(cases)
        assert int(node.attrib["failures"]) == len(node.findall(".//failure")) == 0
        assert node.attrib["errors"] == "0"
        if "skipped" in node.attrib:
            assert int(node.attrib["skipped"]) == len(node.findall(".//skipped"))
    names = [(case.attrib["classname"], case.attrib["name"]) for case in root.findall(".//testcase")]
    assert len(set(names)) == len(names), "each has a name of its own"
    coverage = {case.attrib["name"]: case for case in suites[1].findall("testcase")}
    ran = next(case for name, case in coverage.items() if name.startswith("task Shopper.orders"))
    never = next(case for name, case in coverage.items() if name.startswith("task Shopper.never"))
    lines = coverage["lines of locustfile.py"]
    assert ran.find("skipped") is None
    assert "did not run" in never.find("skipped").attrib["message"]  # type: ignore[union-attr]
    assert "nothing is shown of line 13" in lines.find("skipped").attrib["message"]  # type: ignore[union-attr]
    properties = {one.attrib["name"]: one.attrib["value"] for one in suites[1].findall("properties/property")}
    assert properties["tasks"] == "2" and properties["tasks.ran"] == "1"
    assert int(properties["lines"]) == int(properties["lines.ran"]) + 1


#: Each line that lets something out says in which source of which channel, or with `?` how that source ends.
SCATTERED = """
import os, pathlib, pickle, socket, tempfile, zipfile
from locust import HttpUser, SequentialTaskSet, constant, task
from tegmen import secret

ELSEWHERE = pathlib.Path(__file__).resolve().parent.parent / "elsewhere"

def value():
    return secret("SHOP_API_KEY").reveal()

class Steps(SequentialTaskSet):
    @task
    def all(self):
        self.client.get("/orders", headers={"X-Key": secret("SHOP_API_KEY")})
        with open("one.txt", "w") as file:  #! files one.txt
            file.write(value())
        with open("two.pickle", "wb") as file:  #! files two.pickle
            pickle.dump({"key": value()}, file)
        for _ in range(2):
            with open(os.path.join(tempfile.mkdtemp(), "each.txt"), "w") as file:  #! files ?each.txt
                file.write(value())
        with zipfile.ZipFile("three.zip", "w", zipfile.ZIP_DEFLATED) as archive:  #! files three.zip
            archive.writestr("key.txt", "key: " * 50 + value())
        with open(ELSEWHERE / "four.txt", "w") as file:  #! files ?elsewhere/four.txt
            file.write(value())
        with open("begun", "w") as file:  #! files seven.txt
            file.write(value())
        os.replace("begun", "seven.txt")
        os.system("sleep 1; : " + value())  #! command-line ?
        with open("five.txt", "w") as file:  #! files ?five.txt
            file.write(value())
        os.remove("five.txt")
        with open("six-" + value(), "w") as file:  #! files six-[SHOP_API_KEY]
            file.write("x")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as metrics:
            text = b"key:" + value().encode()
            metrics.sendto(text, ("203.0.113.77", 9999))  #! other-hosts 203.0.113.77:9999 (a datagram)
        address = ("vault.example.net", 6000)
        with socket.create_connection(address) as other:  #! other-hosts vault.example.net:6000 (no HTTP)
            other.sendall(b"\\x00key " + value().encode() + b"\\n")
        try:
            socket.getaddrinfo(value()[:24] + ".example.net", 80)
        except OSError:
            pass

class Shopper(HttpUser):
    host = "https://shop.example.com"
    wait_time = constant(1)
    tasks = [Steps]
"""


def test_every_file_and_host_is_told_of(project: Project) -> None:
    """One repaired line must not hide another, and a file that is packed, elsewhere or gone is a file all the same."""
    (project.path.parent / "elsewhere").mkdir()
    project.write("locustfile.py", SCATTERED)
    # Its one task takes its time, and is not to be stopped in the middle.
    prove(project, "--stages", "alone", seconds=8).check(1)
    leaks = [leak for leak in proof(project)["leaks"] if leak["secret"] == "SHOP_API_KEY"]
    found = {(leak["channel"], leak["source"]): leak.get("spot", {}).get("line") for leak in leaks}
    for number, line in enumerate(project.read("locustfile.py").splitlines(), 1):
        channel, _, source = line.partition("#! ")[2].partition(" ")
        if channel:
            match = [
                spot for (kind, shown), spot in found.items() if kind == channel and shown.endswith(source.lstrip("?"))
            ]
            assert match == [number], (line, found)
    assert ("other-hosts", "a question for a name") in found


#: What is over before anybody looks, or lies where nobody looks. As above, each line says in which channel.
FLEETING = """
import bz2, os, socket, subprocess
from multiprocessing.shared_memory import SharedMemory
import requests
from locust import HttpUser, constant, events, task
from tegmen import secret

def value():
    return secret("SHOP_API_KEY").reveal()

@events.init.add_listener
def taking(environment, **_):
    @environment.web_ui.app.route("/taken", methods=["POST"])
    def taken():
        return value()

@events.test_start.add_listener
def scattered(environment, **_):
    os.makedirs("target", exist_ok=True)
    with open("target/one.txt", "w") as file:  #! files ?/target/one.txt
        file.write(value())
    with open("two.txt", "w") as file:  #! files ?/two.txt
        file.write(value())
    open("two.txt", "w").close()
    with open("three.txt", "w") as file:  #! files ?/three.txt
        file.write(value())
    with open("other.txt", "w") as file:
        file.write("nothing")
    os.replace("other.txt", "three.txt")
    shared = SharedMemory(create=True, size=100)  #! files ?
    shared.buf[: len(value())] = value().encode()
    shared.close()
    shared.unlink()
    subprocess.run(["true", value()])  #! command-line ?true
    subprocess.run(["/bin/true"], env={"KEY": value()})  #! environ ?true
    try:
        requests.get(f"http://{value()}.example.net/", timeout=3)
    except requests.RequestException:
        pass
    with open("four.bz2", "wb") as file:
        file.write(bz2.compress(value().encode()))
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(os.environ["SOCKET"])
        server.listen()
        client.connect(os.environ["SOCKET"])
    subprocess.Popen(["sleep", "300"], start_new_session=True)

class Shopper(HttpUser):
    host = "https://shop.example.com"
    wait_time = constant(1)

    @task
    def orders(self):
        self.client.get("/orders", headers={"X-Key": secret("SHOP_API_KEY")})
"""


def test_what_is_soon_over_or_lies_apart_is_told_of(project: Project) -> None:
    # Whatever the folders are called in which the project lies.
    inner = project.path / "stage" / "csv"
    inner.mkdir(parents=True)
    (inner / "locustfile.py").write_text(FLEETING)
    path = str(project.path / "other.socket")
    command = (str(project.tegmen), "prove", "--seconds", "8", "--stages", "alone", "--", *LOCUST)
    run(command, inner, env={"SOCKET": path}, timeout=120).check(1)
    read = json.loads((inner / ".tegmen" / "prove.json").read_text())
    leaks = [leak for leak in read["leaks"] if leak["secret"] == "SHOP_API_KEY"]
    found = [(leak["channel"], leak["source"], [leak.get("spot"), *leak.get("further", ())]) for leak in leaks]
    for number, line in enumerate(FLEETING.splitlines(), 1):
        channel, _, source = line.partition("#! ")[2].partition(" ")
        if channel:
            spot = {"path": "locustfile.py", "line": number}
            match = [one for one in found if one[0] == channel and one[1].endswith(source.lstrip("?"))]
            assert any(spot in spots for _, _, spots in match), (line, found)
    assert "other-hosts" in {channel for channel, _, _ in found}
    remarks = " ".join(read["remarks"])
    assert "four.bz2 was not searched, or not all of it: it is packed with bzip2" in remarks
    assert f"went to the socket {path}, from" in remarks and "sleep (" in remarks
    assert "what the page /taken answers, which takes no GET, from locustfile.py:" in remarks


def test_what_a_redirect_carries_away_is_told_with_the_line_that_sent_it(project: Project) -> None:
    """Not with the line that was the first to send the same token anywhere."""
    project.write(
        "locustfile.py",
        """
        import os
        from locust import HttpUser, constant, task

        class Shopper(HttpUser):
            host = "https://shop.example.com"
            wait_time = constant(1)

            def on_start(self):
                answer = self.client.post("/login", json={"password": os.environ["SHOP_PASSWORD"]})
                self.token = answer.json()["access_token"]
                self.client.get("/me", headers={"X-Token": self.token})

            @task
            def upload(self):
                self.client.post("/upload", data={"token": self.token})  # here
        """,
    )
    prove(project, "--stages", "alone", seconds=5).check(1)
    lines = project.read("locustfile.py").splitlines()
    here = next(number for number, line in enumerate(lines, 1) if line.endswith("# here"))
    leaks = [leak for leak in proof(project)["leaks"] if leak["source"] == "collector.elsewhere.example"]
    assert [leak["spot"]["line"] for leak in leaks] == [here], leaks


def test_pages_of_the_script_are_apart_from_locusts(project: Project) -> None:
    """Without Tegmen they show it all; what a page leaves open in its address is filled in."""
    project.write(
        "locustfile.py",
        """
        import os
        from locust import HttpUser, constant, events, task

        KEY = os.environ["SHOP_API_KEY"]

        @events.init.add_listener
        def pages(environment, **_):
            if environment.web_ui:
                @environment.web_ui.app.route("/user/<int:number>/<name>")  # here
                def user(number, name):
                    return {"key": KEY}

        class Shopper(HttpUser):
            host = "https://shop.example.com"
            wait_time = constant(1)

            @task
            def orders(self):
                self.client.get("/orders", name="/orders " + KEY, headers={"X-Key": KEY})
        """,
    )
    options = ("--stages", "alone", "--without", "--format", "json", "--output", "both.json")
    prove(project, *options, seconds=6, env={"SHOP_API_KEY": "sk_live_9s8d7f6g5h4j3k2l1q0w"}).check(0)
    lines = project.read("locustfile.py").splitlines()
    here = next(number for number, line in enumerate(lines, 1) if line.endswith("# here"))
    without = next(one for one in json.loads(project.read("both.json"))["proofs"] if one["protection"] == "off")
    found = {leak["source"]: leak["spot"]["line"] for leak in without["leaks"] if leak["channel"] == "web-ui"}
    assert found.pop("/user/1/00000000") == here, found
    assert found and here not in found.values()
