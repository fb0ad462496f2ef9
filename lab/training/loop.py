"""The training loop on Accelerate: one process or several, by how it was launched."""

from __future__ import annotations

import copy
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ...models.files import atomic_write
from .checkpoints import Progress, Split, Trained, checkpoints, load_newest, save_checkpoint
from .config import Config, read_config, write_config
from .console import Console
from .files import check_writable
from .log import LossLog
from .memory import kept_batches
from .metadata import code_commit, describe_data, training_metadata
from .optimization import learning_rate, make_optimizer, update_average
from .order import BatchOrder, buckets_of, generator_of, seed_of
from .precision import fast_dtype
from .task import Task

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True)
class Run:
    """What one training run is asked to do.

    task, config: what to train and how
    data:         a folder, or None for the wardrobe
    folder:       where the run keeps its settings, log, plot, sheets and checkpoints
    output:       the file of weights to write at the end
    """

    task: Task
    config: Config
    data: Path | None
    folder: Path
    output: Path

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def settings(self) -> Path:
        return self.folder / "config.toml"

    @property
    def asked(self) -> Config:
        """What the run's settings file is to say."""
        return replace(self.config, data="wardrobe" if self.data is None else str(self.data.resolve()))


def run_folder(output: Path) -> Path:
    """Return the folder of the run whose weights go to a file: runs/NAME for NAME.safetensors.

    Raises:
        ValueError: if `output` is no name of a file that ends in .safetensors, or is a folder.
    """
    if output.suffix != ".safetensors" or not output.stem.strip(".") or output.is_dir():
        raise ValueError(f"The output '{output}' is no file to write: give a name that ends in .safetensors and is no folder's.")
    return Path("runs") / output.stem


def train(run: Run, resume: bool, console: Console) -> None:
    """Train to the last step and export the averaged weights.

    A run stopped by SIGTERM or SIGINT, or killed, goes on with `resume` as if it had not stopped.

    Raises:
        ValueError: if the folder holds a run and `resume` is false, or holds none and it is true, or one of another model, with
            other data or settings (apart from `steps`); if it cannot be written; if the loss is not finite.
        KeyboardInterrupt: if it was stopped; a checkpoint of that moment is written.
    """
    from accelerate import Accelerator

    # Autocast is our own business, since DeepSpeed would round the weights too.
    accelerator = Accelerator(mixed_precision="no", gradient_accumulation_steps=run.config.accumulation)
    run = replace(run, config=_settled(run.config, accelerator.device))
    _check(run, resume)
    trainer = Trainer(run, resume, console, accelerator)
    accelerator.wait_for_everyone()  # no process may find what another is about to write
    if accelerator.is_main_process:
        _make_folders(run)
    trainer.run_all()
    accelerator.wait_for_everyone()
    accelerator.end_training()  # processes that leave a group open may abort at exit


def _settled(config: Config, device: torch.device) -> Config:
    """Return the settings with the precision that a device computes fastest in where that is left open."""
    if config.precision != "auto":
        return config
    return replace(config, precision="bf16" if fast_dtype(device) == torch.bfloat16 else "no")


def _check(run: Run, resume: bool) -> None:
    found = checkpoints(run.checkpoints)
    if resume and not found:
        raise ValueError(f"There is no checkpoint in '{run.checkpoints}' to resume from: start without --resume.")
    if found and not resume:
        raise ValueError(f"'{run.folder}' holds a run already: go on with --resume, or move that folder away to start anew.")
    if run.data is not None and not run.data.is_dir():
        raise FileNotFoundError(f"There is no folder '{run.data}' to learn from: check --data.")
    if resume:
        _check_same(run)


def _check_same(run: Run) -> None:
    """Refuse to go on with a run in another way than it began, since its weights would not say so."""
    before, asked = asdict(read_config(run.settings)), asdict(run.asked)
    for name in before.keys() - {"steps"}:
        if before[name] != asked[name]:
            raise ValueError(
                f"The run in '{run.folder}' has {name} {before[name]!r}, not {asked[name]!r}: keep to that, or start another."
            )


def _make_folders(run: Run) -> None:
    for folder in (run.output.parent, run.checkpoints, run.folder / "sheets"):
        check_writable(folder)
    for leftover in run.checkpoints.glob(".*.tmp.safetensors"):  # of a process that was killed while it wrote
        leftover.unlink()
    with atomic_write(run.settings) as temporary:
        write_config(run.asked, temporary)


class Loss(nn.Module):
    """A task's loss as a module's forward, which is what DDP and DeepSpeed wrap."""

    def __init__(self, task: Task, model: nn.Module, autocast: torch.autocast) -> None:
        super().__init__()
        self.task, self.model, self.autocast = task, model, autocast

    def forward(self, batch: Any, generator: torch.Generator, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        with self.autocast:
            loss, logged = self.task.loss(self.model, batch, generator, step)
        return loss.float(), logged


class Trainer:
    """A run at work."""

    def __init__(self, run: Run, resume: bool, console: Console, accelerator: Accelerator) -> None:
        self.run, self.config, self.console, self.accelerator = run, run.config, console, accelerator
        self.commit = code_commit()  # now, since files may change while this runs
        self.log = LossLog(run.folder / "log.csv")
        self.dataset = run.task.dataset(run.data, self.config.data_seed)
        buckets = buckets_of(self.dataset, self.config.batch)
        self.autocast = torch.autocast(accelerator.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")
        self.trained = self._build()
        self.loss, self.optimizer = self._prepare()
        items = len(self.dataset)
        self.progress = load_newest(run.checkpoints, self.trained, self._say) if resume else Progress(items=items)
        if self.progress.items != items:
            raise ValueError(
                f"The data has {items} items, and {self.progress.items} when the run began: put it back, or start anew."
            )
        if resume:
            self._say(f"Going on after step {self.progress.step} of {self.config.steps}.")
        self.batches = self._batches(buckets)

    def run_all(self) -> None:
        """Train, and export."""
        if self.accelerator.is_main_process:
            self.log.cut(self.progress.step)
        if not self.progress.step:
            self._save()  # so that there is something to resume from the first minute
        saved = started = time.monotonic()
        seconds_before = self.progress.seconds
        with stop_signals() as stopped:
            while self.progress.step < self.config.steps:
                due = time.monotonic() - saved >= 60 * self.config.checkpoint_minutes
                stop, due = self._anywhere(stopped.is_set(), due)
                if due or stop:
                    self._save()
                    saved = time.monotonic()
                if stop:
                    self._say(f"Stopped after step {self.progress.step} of {self.config.steps}: go on with --resume.")
                    raise KeyboardInterrupt
                self._step()
                self.progress = replace(self.progress, seconds=seconds_before + time.monotonic() - started)
                if self.progress.step % self.config.sheet_every == 0 or self.progress.step == self.config.steps:
                    self._sheet()
        self._save()
        if self.accelerator.is_main_process:
            self._export()

    def _export(self) -> None:
        data = describe_data(self.run.data, self.config.data_seed, len(self.dataset))
        hardware = f"{self.accelerator.num_processes} process(es), {self.accelerator.device.type}"
        batch = self.config.batch * self.config.accumulation * self.accelerator.num_processes
        metadata = training_metadata(self.run.task, self.config, self.progress, batch, data, hardware, self.commit)
        self.run.task.export(self.trained.average, self.run.output, metadata)
        self._say(f"Wrote '{self.run.output}' after {self.progress.step} steps.")

    def _build(self) -> Trained:
        torch.manual_seed(seed_of("weights", self.config.seed))
        layout = torch.channels_last if self.config.channels_last else torch.contiguous_format
        model = self.run.task.build().to(self.accelerator.device, memory_format=layout).train()
        average = copy.deepcopy(model).eval().requires_grad_(False)
        split = None
        if self._deepspeed:
            split = Split(self.accelerator.process_index, self.accelerator.num_processes, self.accelerator.gather)
        return Trained(model, average, make_optimizer(model, self.config), split)

    def _prepare(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Wrap loss and optimizer for the processes at hand."""
        if self._deepspeed:
            if self.config.optimizer == "muon":
                raise ValueError('ZeRO-2 cuts weights into pieces, and Muon needs them whole: set optimizer = "adamw".')
            settings = {"train_micro_batch_size_per_gpu": self.config.batch, "gradient_clipping": self.config.clip}
            self.accelerator.state.deepspeed_plugin.deepspeed_config.update(settings)
        return self.accelerator.prepare(Loss(self.run.task, self.trained.model, self.autocast), self.trained.optimizer)

    @property
    def _deepspeed(self) -> bool:
        return self.accelerator.state.deepspeed_plugin is not None

    def _batches(self, buckets: Tensor) -> Iterator[Any]:
        order = BatchOrder(
            buckets,
            self.config.batch,
            self.config.seed,
            self.progress.step * self.config.accumulation,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        making = {"num_workers": self.config.workers, "worker_init_fn": _start_worker if self.config.workers else None}
        if self.config.in_memory:
            self._say(f"Making all {len(self.dataset)} samples.")
            with _one_sentence():
                return kept_batches(self.dataset, buckets, order, self.accelerator.device, self._prepared, **making)
        return iter(DataLoader(self.dataset, batch_sampler=order, **making))

    def _prepared(self, batch: Any) -> Any:
        prepare = getattr(self.run.task, "prepared", None)
        with self.autocast:
            return prepare(batch) if prepare else batch

    def _step(self) -> None:
        """Make one optimizer step and log it."""
        step, accumulation = self.progress.step, self.config.accumulation
        rate = learning_rate(self.config, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        logs: dict[str, float] = {}
        for part in range(accumulation):
            logged, length = self._learn(step, step * accumulation + part)
            for name, value in logged.items():
                logs[name] = logs.get(name, 0.0) + float(torch.as_tensor(value).detach()) / accumulation
        update_average(self.trained.average, self.trained.model, self.config.ema, step + 1)
        logs = self._mean(logs)
        if not math.isfinite(logs["loss"]):
            raise ValueError(f"The loss of step {step + 1} is {logs['loss']}: lower 'learning_rate' and start anew or --resume.")
        batch = self.config.batch * accumulation * self.accelerator.num_processes
        self.progress = replace(self.progress, step=step + 1, samples=self.progress.samples + batch)
        if self.accelerator.is_main_process:
            self.log.append({"step": step + 1, **logs, "learning_rate": rate, "gradient": length})
            self.console.step(step + 1, self.config.steps, logs["loss"])

    def _learn(self, step: int, number: int) -> tuple[dict[str, Tensor | float], float | None]:
        """Learn from this process's batch of a number; return the losses, and the gradient's length where it ends a step."""
        from accelerate.utils import send_to_device

        # Counted over all processes: where a batch is computed changes nothing.
        position = number * self.accelerator.num_processes + self.accelerator.process_index
        torch.manual_seed(seed_of("dropout", self.config.seed, position))
        generator = generator_of(self.accelerator.device, "noise", self.config.seed, position)
        batch = send_to_device(self._next_batch(), self.accelerator.device)
        length = None
        with self.accelerator.accumulate(self.loss):
            loss, logged = self.loss(batch, generator, step)
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients:
                length = float(self.accelerator.clip_grad_norm_(self.loss.parameters(), self.config.clip))
            self.optimizer.step()
            self.optimizer.zero_grad()
        return {"loss": loss, **logged}, length

    def _say(self, sentence: str) -> None:
        if self.accelerator.is_main_process:
            self.console.say(sentence)

    def _next_batch(self) -> Any:
        with _one_sentence():
            return next(self.batches)

    def _save(self) -> None:
        tensors = self.trained.tensors()
        if self.accelerator.is_main_process:
            save_checkpoint(self.run.checkpoints, tensors, self.progress)
            self.log.plot(self.run.folder / "loss.png")

    @torch.no_grad()
    def _sheet(self) -> None:
        if not self.accelerator.is_main_process:
            return
        generator = generator_of(self.accelerator.device, "sheet", self.config.seed)
        with self.autocast:
            sheet = self.run.task.sample_sheet(self.trained.average, generator)
        with atomic_write(self.run.folder / "sheets" / f"step_{self.progress.step:06d}.png") as temporary:
            sheet.save(temporary)

    def _mean(self, values: dict[str, float]) -> dict[str, float]:
        """Average over processes."""
        if self.accelerator.num_processes == 1:
            return values
        mean = self.accelerator.reduce(torch.tensor(list(values.values()), device=self.accelerator.device), "mean")
        return dict(zip(values, mean.tolist(), strict=True))

    def _anywhere(self, *flags: bool) -> list[bool]:
        """Return for each flag whether any process has it set."""
        return [value > 0 for value in self._mean({str(index): float(flag) for index, flag in enumerate(flags)}).values()]


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn an error of what makes samples into its sentence: a worker's has its traceback in the text, and its sentence last."""
    try:
        yield
    except (ValueError, OSError) as error:
        sentence = (str(error).strip() or repr(error)).splitlines()[-1]
        raise ValueError(sentence.removeprefix(f"{type(error).__name__}: ")) from error


@contextmanager
def stop_signals() -> Iterator[Event]:
    """Yield an event that SIGTERM and SIGINT set; a second SIGINT interrupts at once."""
    stopped = Event()

    def ask(number: int, frame: Any) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_worker(worker: int) -> None:
    """Leave signals to the training process, which ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
