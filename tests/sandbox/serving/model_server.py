"""A tiny model server under SageMaker's contract; the environment decides how it behaves.

NAME     said in every answer
LATENCY  seconds each answer takes
REUSE    "no": does not set SO_REUSEADDR
JOURNAL  a file that gets a line with the body of every request that is answered
OBSTACLE a file; while it exists, the server cannot start
START    "exit": ends at once; "deaf": never healthy; "slow": healthy after half a second
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16

    def do_GET(self) -> None:
        self.answer(500 if os.environ.get("START") == "deaf" else 200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(os.environ.get("LATENCY", "0")))
        if body.startswith(b"status:"):
            self.answer(int(body[7:10]), {"error": "asked for"})
        elif body == b"die":
            os._exit(9)
        elif body.startswith(b"parts:"):
            self.answer_in_parts(int(body[6:]))
        elif body == b"halves":
            self.answer_in_parts(1, whole=False)
        else:
            print("answering", self.headers.get("X-Amzn-SageMaker-Inference-Id", ""))
            if "JOURNAL" in os.environ:
                with Path(os.environ["JOURNAL"]).open("ab", buffering=0) as journal:
                    journal.write(body + b"\n")
            self.answer(200, self.said(body))

    def answer_in_parts(self, count: int, *, whole: bool = True) -> None:
        """Sends numbers in chunks, a moment apart; not whole: breaks off."""
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(count):
            part = f"{number}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            time.sleep(0.1)
        if whole:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def said(self, body: bytes) -> dict[str, object]:
        base = Path(os.environ["SAGEMAKER_BASE_DIR"])
        files = sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())
        return {
            "name": os.environ.get("NAME", ""),
            "pid": os.getpid(),
            "body": body.decode(),
            "files": {name: (base / name).read_text() for name in files},
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "environment": dict(os.environ),
            "arguments": sys.argv[1:],
        }

    def answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        attributes = self.headers.get("X-Amzn-SageMaker-Custom-Attributes")
        if attributes is not None:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", f"seen {attributes}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


if __name__ == "__main__":
    if os.environ.get("START") == "exit" or Path(os.environ.get("OBSTACLE", "/nowhere")).exists():
        print("the weights are corrupt")
        sys.exit(3)
    if os.environ.get("START") == "slow":
        time.sleep(0.5)
    address = (os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    ThreadingHTTPServer.allow_reuse_address = os.environ.get("REUSE") != "no"
    ThreadingHTTPServer(address, Handler).serve_forever()
