"""`kinelex studio`: a web page where motion is made from sentences."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
import threading
from typing import Any

from kinelex.cli.options import add_command, add_pipeline_options, load_pipeline
from kinelex.errors import KinelexError
from kinelex.listening import is_loopback, listening_socket, url_of

DESCRIPTION = """Open the Studio: a web page where motion is made from sentences, for animators without a terminal.

  kinelex studio                                  then open http://127.0.0.1:8080 in a browser
  kinelex studio --port 9000 --model runs/mine/model
  kinelex studio --host 0.0.0.0                   for others in the same network

Write what the person does and press Generate. The prompt is split into phrases; drag their boundaries on the
timeline, change, add, merge, split, delete or reorder them, and draw a single phrase again while the rest is kept.
Make several takes side by side, load a BVH or npz file and change a part of it, find a phrase in it, and download
BVH, GLB, npz or MP4 with the joint names of your rig. docs/studio.md shows every control.
Only this machine can reach the page unless --host says otherwise; there is no password. Each visitor has takes of
their own; closing the tab forgets them. Nothing is fetched from the internet. Ctrl-C ends it.
Needs pip install "kinelex[studio]"; MP4 needs "kinelex[render]" too."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "studio", "make motion on a web page", DESCRIPTION)
    add_pipeline_options(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="default: 8080; 0 for any free one")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Load the model, warm it up, serve the page until a signal comes."""
    if importlib.util.find_spec("viser") is None:
        raise KinelexError('the studio needs viser; install it with pip install "kinelex[studio]"')
    with listening_socket(options.host, options.port) as taken:
        port = taken.getsockname()[1]
        from kinelex.studio.server import Studio
        from kinelex.studio.worker import Worker

        worker = Worker(load_pipeline(options))
        worker.warm_up()
    studio = Studio(worker, options.host, port)
    if not is_loopback(options.host):
        print("kinelex: everyone who reaches this address may use the studio", file=sys.stderr)
    print(f"the studio is open at {url_of(options.host, port)}", flush=True)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    try:
        ended.wait()
    finally:
        studio.stop()
