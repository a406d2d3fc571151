"""What the commands share: how mistakes of users are reported, common options, and the writing of pictures."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
from click.core import ParameterSource

from dd.evaluation.protocols import PROTOCOLS
from dd.old_settings import OLD_PROTOCOLS
from dd.runtime.errors import UserError, reason
from dd.runtime.memory import ran_out
from dd.runtime.paths import FOLDER, check_outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from dd.runtime.settings_model import Declared, Settings


Decorator = Callable[[Callable[..., None]], Callable[..., None]]
"""Adds options to a command."""


class Command(click.Command):
    """Turns a user's mistake into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            check_outputs(self, ctx.params)
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
        except (MemoryError, ImportError) as error:
            if isinstance(error, ImportError) and not ran_out(error):
                raise
            click.echo(f"error: out of memory ({reason(error)[:200]}); give the job more", err=True)
        sys.exit(1)


def compute_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --threads and --gpus.

    The command gets `device`, which is `"cpu"` or `"cuda"`, and `workers`: how many processes can share its networks.
    """

    @click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads.")
    @click.option("--gpus", type=click.IntRange(0), default=0, show_default=True, help="GPUs; 0 computes on the CPU.")
    @functools.wraps(command)
    def wrapped(threads: int, gpus: int, **options: Any) -> None:
        from dd.runtime.devices import device, exact_products, plain_attention
        from dd.runtime.memory import keep_freed_memory
        from dd.runtime.process_group import local_rank

        os.environ["OMP_NUM_THREADS"] = str(threads)  # for scikit-learn, where it is loaded later
        with device(gpus) as name:
            import torch

            torch.set_num_threads(threads)
            if limits := sys.modules.get("threadpoolctl"):  # scikit-learn is loaded
                limits.threadpool_limits(threads)
            keep_freed_memory()
            plain_attention()
            if name == "cuda" and not torch.cuda.is_available():
                raise UserError("a GPU was asked for, but this PyTorch finds none; use --gpus 0 (--resources gpu=0)")
            if name == "cuda":
                torch.cuda.set_device(local_rank())
                exact_products()
            try:
                command(device=name, workers=gpus or threads, **options)
            except (RuntimeError, MemoryError, SystemError) as error:
                if ran_out(error):
                    raise UserError(
                        f"out of memory ({name}); use smaller batches or fewer nets, or give the job more"
                    ) from error
                raise

    return wrapped


class ProtocolName(click.Choice):
    """The type of an option that names a protocol; of one that is no more, it says what to use in its place."""

    name = "protocol"

    def __init__(self) -> None:
        super().__init__(list(PROTOCOLS))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        if value in OLD_PROTOCOLS:
            self.fail(f"{value} is no more; use {OLD_PROTOCOLS[value]}", param, ctx)
        return super().convert(value, param, ctx)


def checkpoint_options(seconds: float) -> Decorator:
    """Add what long commands have: --work, --checkpoint-seconds, by default `seconds`, and --force."""
    options = (
        click.option(
            "--work", type=FOLDER, help="Folder for checkpoints; the same command resumes.  [default: OUT.work]"
        ),
        click.option(
            "--checkpoint-seconds",
            type=click.FloatRange(0),
            default=seconds,
            show_default=True,
            envvar="DD_CHECKPOINT_SECONDS",  # it also reaches jobs of a workflow
            show_envvar=True,
            help="Seconds between two checkpoints.",
        ),
        click.option("--force", is_flag=True, help="Make OUT anew, even if it is finished or of other settings."),
    )
    return lambda command: functools.reduce(lambda made, option: option(made), reversed(options), command)


def pool_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add --pool; the command gets the opened `pool`, or None."""

    @click.option("--pool", "folder", type=FOLDER, help="Folder of a pool, for init random_pretrained (Section 3.5).")
    @functools.wraps(command)
    def wrapped(folder: Path | None, **options: Any) -> None:
        from dd.pools.store import PoolFolder

        command(pool=folder and PoolFolder(folder), **options)

    return wrapped


def settings_options(settings: type[Settings], name: str, shown: Mapping[str, str] | None = None) -> Decorator:
    """Add one option for each field of `settings`; the command gets the finished object as `name`.

    `shown` is what help says of the defaults of some fields, in place of their values.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapped(**options: Any) -> None:
            values = {key: options.pop(key) for key in settings.model_fields}
            given = {key: value for key, value in values.items() if value is not None}
            command(**{name: settings(**given)}, **options)

        with_options: Callable[..., None] = wrapped
        for key in reversed(settings.model_fields):
            changed = {"show_default": shown[key]} if shown and key in shown else {}
            with_options = setting_option(settings, key, **changed)(with_options)
        return with_options

    return decorate


def setting_option(settings: type[Settings], key: str, **changed: Any) -> Decorator:
    """Add the option of one field of `settings`, with its limits and meaning; `changed` goes to `click.option`."""
    from dd.runtime.settings_model import declared, meaning_of

    field = settings.model_fields[key]
    meaning = meaning_of(field)
    kind = _option_type(declared(field.annotation, tuple(field.metadata)))
    switch = kind is bool
    told = {"type": kind, "is_flag": switch, "default": field.default, "show_default": not switch, "help": meaning}
    return click.option("--" + key.replace("_", "-"), **told | changed)


def _option_type(field: Declared) -> Any:
    """The type of the option of a field, which has the field's limits."""
    from dd.runtime.settings_model import OneOf

    if get_origin(field.kind) is Literal:
        return click.Choice(get_args(field.kind))
    for limit in field.limits:
        if isinstance(limit, OneOf):
            return str if limit.own else click.Choice(limit.names)
    ranges = {int: click.IntRange, float: click.FloatRange}
    if not field.limits or field.kind not in ranges:
        return field.kind
    limits: dict[str, Any] = {}
    for name, bound, is_open in (("ge", "min", False), ("gt", "min", True), ("le", "max", False), ("lt", "max", True)):
        for limit in field.limits:
            if hasattr(limit, name):
                limits |= {bound: getattr(limit, name), f"{bound}_open": is_open}
    return ranges[field.kind](**limits)


def given_options(settings: type[Settings]) -> set[str]:
    """The fields of `settings` that the user has given, rather than left at their defaults."""
    source = click.get_current_context().get_parameter_source
    return {key for key in settings.model_fields if source(key) is ParameterSource.COMMANDLINE}


def tell_remark(module: nn.Module, name: str) -> None:
    """Print what users may not expect of a network whose layers stay in evaluation mode."""
    from dd.nets.factory import remark

    text = remark(module, name)
    if text:
        click.echo(text, err=True)


def check_endings(
    paths: tuple[Path, ...], endings: tuple[str, ...] = (".png", ".pdf", ".svg"), option: str = "--out"
) -> None:
    """Refuse paths with other endings, before anything is computed."""
    wrong = [path for path in paths if path.suffix not in endings]
    if wrong:
        known = " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1])))
        raise UserError(f"{option}: {wrong[0]} must end in {known}")


def save(picture: Figure, paths: tuple[Path, ...]) -> None:
    """Write a picture to each of `paths`: PNG with 200 dots an inch, PDF with text that editors can change, SVG.

    Names in it are drawn as users wrote them; letters that no font has are told.
    """
    import matplotlib

    from dd.report.figures.plain_text import write_plainly
    from dd.runtime.files import atomic

    if missing := write_plainly(picture):
        click.echo(f"{paths[0]}: boxes stand for {missing}; install a font that has them and draw it anew", err=True)
    with matplotlib.rc_context({"savefig.dpi": 200, "pdf.fonttype": 42}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        for path in paths:
            with atomic(path) as temporary:
                picture.savefig(temporary, format=path.suffix.lstrip("."))
