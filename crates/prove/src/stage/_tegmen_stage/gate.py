"""The plan of this run, and the connection to `tegmen prove`, which is told what goes on."""

import _socket
import json
import os

PLAN = json.loads(os.environ.get("TEGMEN_STAGE") or "{}")
#: The directory on PYTHONPATH.
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class _Gate:
    """The connection to `tegmen prove`: one for each process."""

    def __init__(self):
        self._pid = None
        self._socket = None

    def _connected(self):
        if self._pid != os.getpid():
            if self._socket is not None:
                # The parent's. It may be closed here already, and its number may be another's.
                self._socket.detach()
            self._socket = _socket.socket(1, 1)
            self._socket.connect("\0" + PLAN["gate"])
            self._pid = os.getpid()
        return self._socket

    def tell(self, message, answered=False):
        try:
            connection = self._connected()
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[connection.send(data) :]
            if answered:
                answer = b""
                while not answer.endswith(b"\n"):
                    piece = connection.recv(256)
                    if not piece:
                        break
                    answer += piece
                return answer.decode().strip()
        except (OSError, KeyError):
            # The test goes on as it would; what is not heard is not exercised.
            self._pid = None
        return ""


gate = _Gate()
