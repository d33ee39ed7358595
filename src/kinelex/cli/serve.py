"""`kinelex serve`: the model behind HTTP."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from kinelex.cli.options import add_command, add_pipeline_options, load_pipeline
from kinelex.errors import KinelexError
from kinelex.listening import is_loopback, listening_socket, url_of

TOKEN = "KINELEX_TOKEN"
NEEDED = ("fastapi", "uvicorn", "prometheus_client")
DESCRIPTION = f"""Serve a model over HTTP, for game and web backends.

  kinelex serve
  curl localhost:8000/v1/motions -H "content-type: application/json" \\
       -d '{{"prompt": "a person walks forward", "seed": 1, "format": "glb"}}' -o walk.glb

  kinelex serve --model runs/mine/model --index moves.index --port 9000
  {TOKEN}=secret kinelex serve --host 0.0.0.0

The page /docs shows every path with examples (/openapi.json for machines); /healthz and /metrics are for those who
run it. Prompts that come at the same time are generated together; past --queue requests are refused with 503 and
Retry-After. On SIGTERM or Ctrl-C what was accepted is finished first. Only this machine can reach the service unless
--host says otherwise; callers must then send the token of --token-file or ${TOKEN}, if there is one.
Needs pip install "kinelex[serve]"."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "serve", "serve a model over HTTP", DESCRIPTION)
    add_pipeline_options(parser)
    parser.add_argument("--index", metavar="INDEX", help="index that /v1/search looks in (see kinelex index)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="default: 8000; 0 for any free one")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="file with the token that callers send"
    )
    parser.add_argument("--batch", type=int, default=8, help="prompts generated together (default: 8)")
    parser.add_argument("--queue", type=int, default=64, help="requests that may wait (default: 64)")
    parser.add_argument(
        "--timeout", type=float, default=60.0, help="seconds until a request is given up (default: 60)"
    )
    parser.add_argument("--max-prompt", type=int, default=1000, help="characters of a prompt (default: 1000)")
    parser.add_argument("--max-duration", type=float, default=30.0, help="seconds of a clip (default: 30)")
    parser.add_argument("--max-upload", type=float, default=8.0, help="MiB of a request (default: 8)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Load everything, say where the service is, and serve until a signal comes."""
    missing = [module for module in NEEDED if importlib.util.find_spec(module) is None]
    if missing:
        raise KinelexError(
            f'the service needs {", ".join(missing)}; install it with pip install "kinelex[serve]"'
        )
    from kinelex.service.engine import Engine
    from kinelex.service.limits import MEBIBYTE, Limits
    from kinelex.service.server import server

    limits = Limits(
        prompt=options.max_prompt,
        duration=options.max_duration,
        upload=round(options.max_upload * MEBIBYTE),
        batch=options.batch,
        queue=options.queue,
        timeout=options.timeout,
    )
    token = _token(options.token_file)
    with listening_socket(options.host, options.port) as socket:
        index = None
        if options.index is not None:
            from kinelex.hub.motion_index import load_index

            index = load_index(options.index, device=options.device)
        engine = Engine(load_pipeline(options), limits, index)
        if token is None and not is_loopback(options.host):
            print(
                "kinelex: everyone who reaches this address may use the service; see --token-file",
                file=sys.stderr,
            )
        host, port = socket.getsockname()[:2]
        print(f"serving on {url_of(host, port)} (its page: /docs)", flush=True)
        server(engine, token).run(sockets=[socket])


def _token(path: Path | None) -> str | None:
    """From the file, else from the environment; never from the command line, which others can read."""
    if path is None:
        return os.environ.get(TOKEN) or None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KinelexError(f"cannot read the token from {path}: {error}; give a text file") from error
    if not token:
        raise KinelexError(f"{path} is empty; write the token into it")
    return token
