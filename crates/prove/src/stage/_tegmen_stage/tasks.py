"""How many users there are, for how long, and how long they wait; what the test has, and which tasks of it ran."""

from _tegmen_stage.gate import PLAN, gate
from _tegmen_stage.places import is_ours, relative
from _tegmen_stage.said import REPORTED, say, say_error


def on_parser(module):
    """Users and time are bounded, and everything that Locust can write is written."""
    parser = module.LocustArgumentParser
    parse = parser.parse_args

    def parsing(self, *args, **kwargs):
        options = parse(self, *args, **kwargs)
        if hasattr(options, "num_users") and hasattr(options, "headless"):
            for name, value in PLAN.get("options", {}).items():
                if hasattr(options, name):
                    setattr(options, name, value)
        return options

    parser.parse_args = parsing


def _name(task):
    code = getattr(task, "__code__", None)
    function = getattr(task, "__wrapped__", None)
    if code is None and function is not None:
        code = getattr(function, "__code__", None)
    name = getattr(task, "__qualname__", repr(type(task).__name__))
    if code is None:
        return name
    return f"{name} ({relative(code.co_filename)}:{code.co_firstlineno})"


def on_tasks(module):
    wait = PLAN.get("wait", 0.05)
    seen = set()

    def sleep(self, seconds, _sleep=module.TaskSet._sleep):
        return _sleep(self, min(seconds, wait))

    module.TaskSet._sleep = sleep
    for task_set in (module.TaskSet, module.DefaultTaskSet):

        def execute(self, task, _execute=task_set.execute_task):
            name = _name(task)
            if name not in seen:
                seen.add(name)
                gate.tell({"ran": name})
            try:
                return _execute(self, task)
            except Exception as error:
                say_error(error, error.__traceback__)
                raise

        task_set.execute_task = execute


def _leaves(tasks, into, seen):
    for task in tasks or ():
        inner = getattr(task, "tasks", None)
        if inner is not None and isinstance(task, type):
            if task not in seen:
                seen.add(task)
                _leaves(inner, into, seen)
            into.append(_name(task))
        else:
            into.append(_name(task))


def _page(rule):
    """A page of that kind: what the rule leaves open is filled in."""
    import re

    return re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda gap: "0" * 8 if gap[1] in (None, "string") else "1", rule)


def _defined(function):
    """The line of the project in which a function begins."""
    code = getattr(function, "__code__", None)
    if code is None or not is_ours(code.co_filename):
        wrapped = getattr(function, "__wrapped__", None)
        return _defined(wrapped) if wrapped is not None else None
    return {"path": relative(code.co_filename), "line": code.co_firstlineno}


def on_locust(module):
    def pages(environment, **_):
        # Scripts add theirs when they are told that Locust has begun, some of them after us.
        ui = getattr(environment, "web_ui", None)
        if ui is not None:
            told = {}
            for rule in ui.app.url_map.iter_rules():
                place = _defined(ui.app.view_functions.get(rule.endpoint))
                if "GET" in rule.methods:
                    told[_page(str(rule))] = place
                elif place is not None:
                    gate.tell({"unwatched": {"what": f"the page {rule} answers, which takes no GET", **place}})
            gate.tell({"pages": told})

    def started(environment, **_):
        classes = getattr(environment, "user_classes", ()) or ()
        declared = []
        for user_class in classes:
            _leaves(getattr(user_class, "tasks", ()), declared, set())
        hosts = [getattr(environment, "host", None), *(getattr(user_class, "host", None) for user_class in classes)]
        gate.tell({"declared": sorted(set(declared))})
        gate.tell({"targets": [host for host in hosts if isinstance(host, str)]})
        shape = getattr(environment, "shape_class", None)
        if shape is not None:
            _bound(shape)
        pages(environment)

    def requested(name=None, exception=None, **_):
        if exception is None:
            say(REPORTED, str(name))
        else:
            say((*REPORTED, "log"), f"{name} {exception}")

    module.events.init.add_listener(started)
    module.events.test_start.add_listener(pages)
    module.events.request.add_listener(requested)


def _bound(shape):
    tick = shape.tick
    users, seconds = PLAN.get("users", 4), PLAN.get("seconds", 8)

    def bounded():
        step = tick()
        if step is None or shape.get_run_time() > seconds:
            return None
        return (min(step[0], users), *step[1:])

    shape.tick = bounded
