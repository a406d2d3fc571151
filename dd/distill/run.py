"""One whole distillation: a trainer, its history, its checkpoints."""

import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor
from tqdm import tqdm

from dd.distill.trainer import Trainer
from dd.runtime.errors import UserError


class Store(Protocol):
    """Where states are kept; `dd.runtime.checkpoints.Checkpoints` is one."""

    due: bool

    def save(self, tensors: dict[str, Tensor], values: dict) -> None: ...
    def load(self) -> tuple[dict[str, Tensor], dict] | None: ...


class StoppedError(Exception):
    """SIGTERM or SIGINT came; the state has been saved."""


def run(
    trainer: Trainer,
    validate: Callable[[], Tensor],
    store: Store,
    progress: Callable[[int, int], tqdm],
    record: Callable[[list[dict]], None],
) -> list[dict]:
    """Take `trainer` from where `store` left it to its last meta-step.

    Args:
        trainer: at meta-step 0, or restored here from `store`. Of its group, only the leader saves and records.
        validate: accuracies in percent `[nets]` of the set as it stands.
        store: saved to whenever it is due, and on SIGTERM or Ctrl-C.
        progress: makes the bar from (total, initial).
        record: called with the history when it is restored, whenever it has grown, and at the end.

    Returns:
        The history, a row every `validate_every` meta-steps and at the end. All but `seconds` is reproducible.

    Raises:
        StoppedError: a signal came; run again to go on.
        UserError: from the trainer or the store, or the processes of the group have restored different states.
    """
    config, group, history, elapsed, losses, clipped = trainer.config, trainer.group, [], 0.0, [], 0
    if saved := store.load():
        tensors, values = saved
        trainer.restore(tensors, values["trainer"])
        history, elapsed, losses, clipped = (values[key] for key in ("history", "elapsed", "losses", "clipped"))
        if history and group.leads:  # Snakemake has removed the outputs of the failed job
            record(history)
    if not group.agree(trainer.meta_step):
        raise UserError("the processes go on from different meta-steps; give all of them one --work folder")
    started = time.monotonic() - elapsed

    def save() -> None:
        tensors, values = trainer.state()
        counts = {"history": history, "elapsed": time.monotonic() - started, "losses": losses, "clipped": clipped}
        store.save(tensors, {"trainer": values} | counts)

    with stop_signals() as stop, progress(config.meta_steps, trainer.meta_step) as bar:
        while trainer.meta_step < config.meta_steps:
            step = trainer.step()
            clipped += step.clipped
            if not step.skipped:
                losses.append(step.loss)
            elif group.leads:
                told = f"the loss is {step.loss:.3g} and the norm of its gradient {step.grad_norm:.3g}"
                bar.write(f"meta-step {trainer.meta_step - 1}: skipped, as {told}", sys.stderr)
            if trainer.meta_step % config.validate_every == 0 or trainer.meta_step == config.meta_steps:
                accuracies = validate()
                history.append(
                    {
                        "meta_step": trainer.meta_step,
                        "loss": sum(losses) / len(losses) if losses else math.nan,
                        "grad_norm": step.grad_norm,
                        "clipped": clipped,
                        "skipped": trainer.skipped,
                        "meta_lr": config.meta_lr_at(trainer.meta_step),
                        "mean_distill_lr": trainer.lrs.mean().item(),
                        "accuracy": accuracies.mean().item(),
                        "accuracy_std": accuracies.std(correction=0).item(),
                        "nets": len(accuracies),
                        "seconds": round(time.monotonic() - started, 1),
                    }
                )
                losses, clipped = [], 0
                if group.leads:
                    record(history)
            postfix = {"loss": f"{step.loss:.3f}"}
            if history:
                postfix["held-out"] = f"{history[-1]['accuracy']:.1f}%"
            bar.set_postfix(postfix, refresh=False)
            bar.update()
            stopped = group.any(bool(stop))
            if group.leads and (stopped or store.due):
                save()
            if stopped:
                raise StoppedError(
                    f"stopped at meta-step {trainer.meta_step} of {config.meta_steps}; run again to go on"
                )
    if group.leads:
        record(history)
    return history


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that stays empty until SIGTERM or SIGINT comes, so that a step under way is finished first."""
    came: list[int] = []
    handlers = {
        s: signal.signal(s, lambda number, _frame: came.append(number)) for s in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield came
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
