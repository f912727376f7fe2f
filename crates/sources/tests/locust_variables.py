"""Lists the environment variables that the installed Locust reads itself.

python locust_variables.py           print the list, as src/locust_variables.txt has it
python locust_variables.py --check   exit with 1 if that file and the installed Locust differ
"""

import pathlib
import re
import sys

import locust
from locust import argument_parser

LIST = pathlib.Path(__file__).parent.parent / "src" / "locust_variables.txt"


def variables() -> set[str]:
    parser = argument_parser.get_parser()
    found = {action.env_var for action in parser._actions if getattr(action, "env_var", None)}
    # Beside the parser, modules look some up directly: os.getenv("…"), os.environ["…"], os.environ.get("…") and
    # "…" in os.environ.
    lookups = re.compile(
        r"""(?:getenv\(|environ\[|environ\.get\()\s*["'](LOCUST_\w+)["']|["'](LOCUST_\w+)["']\s+(?:not\s+)?in\s+os\.environ"""
    )
    package = pathlib.Path(locust.__file__).parent
    for path in package.rglob("*.py"):
        if "test" not in path.relative_to(package).parts:
            found |= {a or b for a, b in lookups.findall(path.read_text(encoding="utf-8"))}
    return found


def main() -> int:
    now = sorted(variables())
    if "--check" not in sys.argv:
        print("# The environment variables that Locust reads itself. Written by tests/locust_variables.py.")
        print("\n".join(now))
        return 0
    listed = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    for name in sorted(set(now) - set(listed)):
        print(f"Locust {locust.__version__} reads {name}: add it to {LIST}", file=sys.stderr)
    for name in sorted(set(listed) - set(now)):
        print(f"Locust {locust.__version__} does not read {name} any more ({LIST})", file=sys.stderr)
    return int(now != listed)


if __name__ == "__main__":
    sys.exit(main())
