"""The command line of ComfyUI-Modiste: run workflows, list nodes, check the installation, make data, train, measure."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from modiste.wardrobe.rendering import Request

ROOT = Path(__file__).resolve().parent


def load_pack() -> ModuleType:
    """Import this folder as the package `modiste`, whatever the folder is called, and return it."""
    if "modiste" in sys.modules:
        return sys.modules["modiste"]
    spec = importlib.util.spec_from_file_location("modiste", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = importlib.util.module_from_spec(spec)
    sys.modules["modiste"] = module
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 wrong usage, 130 cancelled."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        install = f"{sys.executable} -m pip install -r {options.requirements}"
        print(f"The Python package '{error.name}' is missing: run '{install}'.", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has had enough
        sys.stdout = None
        return 0
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def run(options: argparse.Namespace) -> int:
    """Run a workflow; print the files it wrote, or with --json one object about the run."""
    from modiste.host.headless import run as runs

    request = runs.RunRequest(
        workflow=options.workflow,
        inputs=tuple(options.input),
        values=tuple(options.set),
        output=options.output,
        seed=options.seed,
        device=options.device,
    )
    summary = runs.run(request, _nodes())
    print(json.dumps(summary) if options.json else "\n".join(summary["outputs"]))
    return 0


def nodes(options: argparse.Namespace) -> int:
    """List the nodes that `run` knows: the pack's and those of core."""
    from modiste.host.headless.schema import object_info

    known = {node_id: object_info(node) for node_id, node in _nodes().items()}
    if options.json:
        print(json.dumps(known))
        return 0
    width = max(map(len, known))
    for node_id, info in known.items():
        print(f"{node_id:{width}}  {info['display_name']}  ({info['category']})")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Say what this machine has and lacks; fails only if something that everything needs is missing."""
    from modiste.host.headless.doctor import findings
    from modiste.host.headless.session import Session

    broken = False
    for finding in findings(Session()):
        print(finding)
        broken |= finding.state == "broken"
    return int(broken)


def wardrobe(options: argparse.Namespace) -> int:
    """Write a data set of synthetic people; print its folder."""
    from modiste.host.headless.reporting import reporter
    from modiste.wardrobe import rendering

    request = rendering.Request(
        kind=options.kind,
        count=options.count,
        seed=options.seed,
        layout=options.layout,
        output=options.output,
        size=rendering.picture_size(options.size),
        workers=rendering.default_workers() if options.workers is None else options.workers,
        overwrite=options.overwrite,
        shots=options.shots,
    )
    render = _render_shards if request.layout == "shards" else rendering.render
    with reporter() as told:
        told.start(options.kind, 1, 1)
        render(request, told.advance)
    print(options.output)
    return 0


def _render_shards(request: Request, progress: Callable[[int, int], None]) -> None:
    """Write people as training reads them; a folder of shards grows, and nothing in it is replaced."""
    from modiste.lab.training.shards import render_shards
    from modiste.wardrobe.rendering import check_size

    if request.kind != "people":
        raise ValueError(f"The layout shards holds people, not {request.kind}: write them in the layout native.")
    if request.overwrite:
        raise ValueError("Shards that are there are kept: remove those that you do not want, and leave out --overwrite.")
    check_size(request.size)
    render_shards(request.output, request.seed, 0, request.count, request.size, request.workers, progress, request.shots)


def train(options: argparse.Namespace) -> int:
    """Train a model, or go on with a run that was stopped; print the file that it wrote."""
    from dataclasses import replace

    from modiste.lab.training import loop
    from modiste.lab.training.console import console
    from modiste.lab.training.task import load_task

    folder = loop.run_folder(options.output)
    own = folder / "config.toml"
    task, config = load_task(options.model, options.config or (own if options.resume and own.is_file() else None))
    if options.steps is not None:
        config = replace(config, steps=options.steps)
    data = None if options.data == "wardrobe" else Path(options.data)
    with console() as told:
        loop.train(loop.Run(task, config, data, folder, options.output), options.resume, told)
    print(options.output)
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Measure a system on samples that no training saw; print its tables, and write rows and pictures where asked."""
    from modiste.host.headless.reporting import reporter
    from modiste.lab.evaluation import systems
    from modiste.lab.evaluation.reports import markdown
    from modiste.lab.training.files import check_writable

    if options.json:
        check_writable(options.json.parent)
    with reporter() as told:
        report = systems.evaluate(
            systems.Request(options.system, options.seed, options.count, options.weights, options.pictures, told, options.keep)
        )
    print(markdown(report.rows))
    if options.json:
        report.save(options.json)
    return 0


def bench(options: argparse.Namespace) -> int:
    """Measure one thing; print its rows, and write them as JSON where asked."""
    from modiste.lab.bench import measure

    table = measure(options.name)
    for row in table["rows"]:
        against = f"  ({row['ratio']:.3g} times {row['against']})" if row["ratio"] is not None else ""
        print(f"{row['what']}: {row['value']:.4g} {row['unit']}{against}")
    if options.json:
        from modiste.models.files import atomic_write

        with atomic_write(options.json) as temporary:
            temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return 0


def _nodes() -> dict:
    from modiste.host.headless.listing import all_nodes

    return all_nodes(load_pack().comfy_entrypoint())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modiste.py", description=__doc__)
    parser.set_defaults(requirements="requirements-headless.txt")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("run", help="run a workflow file, of UI format or API format")
    command.add_argument("workflow", type=Path, metavar="WORKFLOW.json")
    command.add_argument("--input", action="append", default=[], metavar="NODE=FILE", help="give a node a file, by its title or id")
    command.add_argument("--set", action="append", default=[], metavar="NODE.INPUT=VALUE", help="set an input of a node")
    command.add_argument("--output", type=Path, metavar="DIR", help="folder to write to (default: ./output)")
    command.add_argument("--seed", type=int, metavar="N", help="the workflow's first seed; the second gets N+1, and so on")
    command.add_argument("--device", choices=("cpu", "cuda"), help="where to compute (default: cuda where there is one)")
    command.add_argument("--json", action="store_true", help="print one JSON object about the run")
    command.set_defaults(command=run)

    command = commands.add_parser("nodes", help="list the nodes that run without ComfyUI")
    command.add_argument("--json", action="store_true", help="print what ComfyUI's /object_info would say of them")
    command.set_defaults(command=nodes)

    command = commands.add_parser("doctor", help="check the installation")
    command.set_defaults(command=doctor)

    command = commands.add_parser("wardrobe", help="write a data set of synthetic people with ground truth")
    command.add_argument(
        "--kind", default="people", metavar="KIND", help="people, pairs or avatars; portraits come later (default: people)"
    )
    command.add_argument("--count", required=True, type=int, metavar="N", help="how many samples; of shards a multiple of 96")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="of the samples (default: 0)")
    command.add_argument(
        "--layout", default="native", metavar="LAYOUT", help="native, viton-hd, dresscode, or shards to train on (default: native)"
    )
    command.add_argument(
        "--output", required=True, type=Path, metavar="DIR", help="an empty folder or one to make; shards are added"
    )
    command.add_argument("--size", default="192x256", metavar="WxH", help="of the pictures (default: 192x256)")
    command.add_argument("--workers", type=int, metavar="N", help="processes (default: one for every core)")
    command.add_argument("--overwrite", action="store_true", help="replace files in a folder that is not empty")
    command.add_argument("--shots", type=int, metavar="N", help="of shards, pictures of each outfit, 1 to 8 (default: 8)")
    command.set_defaults(command=wardrobe)

    command = commands.add_parser(
        "train", help="train a model; the run's log, sheets and checkpoints are in runs/NAME, FILE being NAME.*"
    )
    command.add_argument("model", metavar="MODEL", help="one that lab/training/tasks has, such as base-vae")
    command.add_argument(
        "--data", required=True, metavar="wardrobe|DIR", help="what to learn from: samples made on the way, or a folder"
    )
    command.add_argument("--output", required=True, type=Path, metavar="FILE", help="weights to write at the end, .safetensors")
    command.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="settings, TOML (default: the run's own, or lab/training/configs)"
    )
    command.add_argument("--steps", type=int, metavar="N", help="train so many steps instead of what the settings say")
    command.set_defaults(command=train, requirements="requirements-dev.txt")

    command = commands.add_parser("evaluate", help="measure how good a system is, beside baselines")
    command.add_argument("system", metavar="SYSTEM", help="base, avatars or restoration")
    command.add_argument("--seed", type=int, default=1000, metavar="N", help="of the samples (default: 1000); training uses 0")
    command.add_argument("--count", type=int, default=200, metavar="N", help="samples of each kind (default: 200)")
    command.add_argument("--weights", type=Path, metavar="FILE", help="a file to measure in place of the shipped one")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    command.add_argument("--pictures", type=Path, metavar="DIR", help="write contact sheets to a folder")
    command.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep what is drawn in a folder, and go on there with the same code (restoration)"
    )
    command.set_defaults(command=evaluate, requirements="requirements-dev.txt")

    command = commands.add_parser("bench", help="measure speed")
    command.add_argument("name", metavar="NAME", help="splat, import, compose, wardrobe or base")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    command.set_defaults(command=bench)
    return parser


def _leave_with_parent() -> None:
    """Have a worker end when its parent is gone, killed perhaps: nobody would take what it makes."""
    parent = multiprocessing.parent_process()
    if parent:  # None where this is no worker
        Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


if __name__ == "__mp_main__":  # a worker process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which lets its workers finish
    _leave_with_parent()
if __name__ in ("__main__", "__mp_main__"):  # the latter in worker processes, which unpickle what the pack defines
    load_pack()
if __name__ == "__main__":
    sys.exit(main())
