"""Writes the project of the course into a folder: a load test that works and leaks.

The values are made up anew each time. The shop that takes them gets them in a file beside the folder. Usage:
`python docs/training/start.py FOLDER`
"""

from __future__ import annotations

import json
import secrets
import string
import sys
from pathlib import Path

TEMPLATE = Path(__file__).with_name("locustfile.py.template")
LETTERS = string.ascii_letters + string.digits


def made_up(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def main(folder: Path) -> int:
    shop = folder.with_name(folder.name + "-shop.json")
    for path in (folder, shop):
        if path.exists():
            print(f"error: {path} is there already; remove it, or take another name", file=sys.stderr)
            return 2
    key, password = "sk" + "_live_" + made_up(24), made_up(16)
    folder.mkdir(parents=True)
    script = TEMPLATE.read_text().replace("@API_KEY@", key).replace("@PASSWORD@", password)
    Path(folder, "locustfile.py").write_text(script)
    shop.touch(mode=0o600)
    shop.write_text(json.dumps({"api_key": key, "user": "load-test", "password": password}))
    print(f"{folder / 'locustfile.py'}: the load test")
    print(f"Start the shop with: python examples/shop/shop.py --port 8000 --credentials {shop}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/training/start.py FOLDER")
    sys.exit(main(Path(sys.argv[1])))
