"""Put on PYTHONPATH by `tegmen run`. Holds no secret; goes away with the run.

In a Python that has the package tegmen it sees that the plugin is loaded. In one that lacks it, it stops the import of
Locust with the command that installs the package there: without it, requests would go out with placeholders.
"""

import os
import sys


def _install_command():
    from pathlib import Path

    python = sys.executable or "python3"
    prefix = Path(sys.prefix)
    parts = prefix.parts
    requirement = "tegmen==@VERSION@"
    if "pipx" in parts and "venvs" in parts:
        return f"pipx inject {prefix.name} {requirement}"
    if "uv" in parts and "tools" in parts:
        return f"uv tool install {prefix.name} --with {requirement}"
    try:
        config = (prefix / "pyvenv.cfg").read_text()
    except OSError:
        config = ""
    if "\nuv = " in "\n" + config:
        return f"uv pip install --python {python} {requirement}"
    return f"{python} -m pip install {requirement}"


class _Guard:
    """Refuses the import of Locust."""

    def __init__(self, problem):
        self._problem = problem

    def find_spec(self, name, path=None, target=None):
        if name == "locust":
            print(
                f"tegmen: the Python that runs Locust {self._problem}, so nothing would put the secrets into "
                f"its requests.\ntegmen: install it there, and run again:\n  {_install_command()}",
                file=sys.stderr,
                flush=True,
            )
            # Not sys.exit: a script that catches SystemExit would go on with placeholders.
            os._exit(125)
        return None


def _go_on():
    """Leaves the path as it would be without us, and runs the environment's own sitecustomize if there is one."""
    import importlib.machinery
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry != here]
    if os.environ.get("TEGMEN_CHANNEL"):
        # The package loads itself where it was installed with its .pth file. Not on PYTHONPATH (pip install --target).
        try:
            import tegmen._autoload  # noqa: F401
        except ModuleNotFoundError as error:
            problem = "lacks the package tegmen" if error.name == "tegmen" else f"cannot load tegmen ({error})"
            sys.meta_path.insert(0, _Guard(problem))
        except Exception as error:
            sys.meta_path.insert(0, _Guard(f"cannot load tegmen ({error})"))
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_go_on()
