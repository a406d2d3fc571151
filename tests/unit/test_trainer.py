import math

import pytest
import torch

from dd.data.batches import normalise
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.parameters import OWN_CLASS
from dd.distill.run import run
from dd.distill.settings import DistillConfig
from dd.distill.snapshots import Snapshots, due
from dd.distill.trainer import SKIPS, Prefetcher, Progress
from dd.distill.unroll import meta_gradient
from dd.runtime.checkpoints import Checkpoints
from dd.runtime.errors import UserError
from dd.runtime.progress import progress
from tests.conftest import BEYOND

SMALL = {"steps": 2, "epochs": 2, "nets": 2, "real_batch": 64, "validation_images": 100, "meta_steps": 20}


@pytest.fixture
def experiment(digits):
    def make(**settings):
        return Experiment(DistillConfig(**SMALL | settings), load(digits))

    return make


def test_starts_as_the_paper_says(experiment):
    trainer = experiment(steps=3, epochs=2, images_per_class=2, distill_lr=0.02).trainer
    assert trainer.learned.images.shape == (3, 20, 1, 28, 28)
    assert trainer.learned.images.mean().abs() < 0.02
    assert (trainer.learned.images.std() - 1).abs() < 0.02
    assert trainer.learned.labels[0].tolist() == [c for c in range(10) for _ in range(2)]
    torch.testing.assert_close(trainer.learned.lrs, torch.full((2, 3), 0.02))


def test_a_fixed_init_is_fixed_and_a_random_one_is_not(experiment):
    fixed, random = experiment(init="fixed"), experiment(init="random")
    theta = fixed.initial("train", [0, 1])
    assert torch.equal(theta[0], theta[1])
    assert torch.equal(theta[0], fixed.initial("held-out", [5])[0])
    theta = random.initial("train", [0, 1])
    assert not torch.equal(theta[0], theta[1])
    assert not torch.equal(theta[0], random.initial("held-out", [0])[0])
    assert torch.equal(random.initial("train", [1])[0], theta[1])


def test_learning_lowers_the_loss(experiment):
    trainer = experiment(init="fixed", nets=1, meta_steps=60, distill_lr=0.2).trainer
    losses = [trainer.step().loss for _ in range(60)]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


SWITCHES = [{}, *({name: value} for name, value in BEYOND.items()), BEYOND]


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda s: "+".join(s) or "none")
def test_restored_state_goes_on_bit_for_bit(experiment, switches):
    straight, first = experiment(**switches).trainer, experiment(**switches).trainer
    for _ in range(6):
        straight.step()
    for _ in range(3):
        first.step()
    tensors, values = first.state()
    second = experiment(**switches).trainer
    second.restore({name: t.clone() for name, t in tensors.items()}, values)
    for _ in range(3):
        second.step()
    for name, tensor in straight.state()[0].items():
        assert torch.equal(tensor, second.state()[0][name]), name
    assert straight.state()[1] == second.state()[1]


def test_spikes_are_clipped_and_do_not_raise_the_bar(experiment):
    trainer = experiment(clip=2.0).trainer
    trainer.running_norm = 1.0
    trainer.learned.images.grad = torch.full_like(trainer.learned.images, 3.0)
    trainer.learned.raw_lrs.grad = torch.zeros_like(trainer.learned.raw_lrs)
    spike = trainer.learned.images.grad.norm().item()
    assert trainer._clip(spike)
    assert trainer.learned.images.grad.norm().item() == pytest.approx(2.0, rel=1e-5)
    assert trainer.running_norm == pytest.approx(0.9 * 1 + 0.1 * 2)
    assert not trainer._clip(1.5)


def test_clip_zero_never_clips(experiment):
    trainer = experiment(clip=0.0).trainer
    trainer.running_norm = 1e-9
    assert not trainer._clip(1e9)


def test_clip_adjoint_reaches_the_backward_pass(experiment):
    exact, cut = (experiment(clip_adjoint=value).trainer for value in (0.0, 1e-3))
    exact.step()
    cut.step()
    norms = [(trainer.learned.images.grad[0].norm(), trainer.learned.images.grad[1].norm()) for trainer in (exact, cut)]
    # the last of the four steps, on the second images, comes before the first clipping
    assert norms[1][0] < 0.1 * norms[0][0]
    assert norms[1][1] > 0.1 * norms[0][1]


def test_real_images_to_start_from_are_training_images_of_their_class(experiment):
    experiment = experiment(start="real", images_per_class=2)
    trainer, images = experiment.trainer, experiment.trainer.learned.images.detach()
    real = normalise(trainer.real.images.x, experiment.mean, experiment.std)
    found = (images.flatten(0, 1).flatten(1)[:, None] == real.flatten(1)[None]).all(2)
    assert found.any(1).all()
    rows = found.int().argmax(1)
    assert torch.equal(trainer.real.images.y[rows].view(2, 20), trainer.learned.labels)
    assert len(rows.unique()) == 40


def test_real_images_to_start_from_are_of_their_true_class_in_poisoning(experiment):
    plain, attacked = (experiment(start="real", attack_class=a, target_class=t).trainer for a, t in ((-1, -1), (0, 1)))
    assert torch.equal(plain.learned.images, attacked.learned.images)


def test_too_few_images_to_start_from(experiment):
    with pytest.raises(UserError, match=r"class 0 has .* not 200; lower steps or images_per_class"):
        experiment(start="real", images_per_class=100)


def test_soft_labels_start_sure_and_are_learned_as_probabilities(experiment):
    trainer = experiment(soft_labels=True, images_per_class=2).trainer
    before = trainer.learned.labels
    assert before.shape == (2, 20, 10)
    torch.testing.assert_close(before.max(2).values, torch.full((2, 20), OWN_CLASS))
    assert torch.equal(before.argmax(2)[0], torch.arange(10).repeat_interleave(2))
    for _ in range(3):
        trainer.step()
    assert (trainer.learned.labels - before).abs().max() > 1e-3
    torch.testing.assert_close(trainer.learned.labels.sum(2), torch.ones(2, 20))


def test_soft_labels_are_learned_through_their_softmax(experiment):
    """The gradient of what Adam updates, by PyTorch from that of the labels."""
    trainer = experiment(soft_labels=True).trainer
    theta, (x, y) = trainer.initial("train", [0, 1]), trainer.real.batch(0)
    expected = meta_gradient(trainer.loss, theta, trainer.learned.data(), x, y).gradient
    raw = trainer.learned.raw_labels.detach().clone().requires_grad_()
    raw.softmax(2).backward(expected.labels)
    trainer.step()
    torch.testing.assert_close(trainer.learned.raw_labels.grad, raw.grad, rtol=1e-4, atol=1e-8)
    assert raw.grad.abs().max() > 1e-6


@pytest.mark.parametrize("poison", ["images", "raw_lrs"])
def test_nan_stops_with_a_cure_and_without_an_update(experiment, poison):
    trainer = experiment(init="fixed", nets=1).trainer
    trainer.step()
    with torch.no_grad():
        getattr(trainer.learned, poison).view(-1)[0] = math.nan
    before = [p.detach().clone() for p in (trainer.learned.images, trainer.learned.raw_lrs)]
    assert all(trainer.step().skipped for _ in range(SKIPS))
    with pytest.raises(UserError, match=r"meta-step 11: the loss is nan.*Lower meta_lr"):
        trainer.step()
    for old, new in zip(before, (trainer.learned.images, trainer.learned.raw_lrs), strict=True):
        assert torch.equal(old.nan_to_num(7), new.detach().nan_to_num(7))


def test_nan_stops_at_once_where_nothing_ever_worked(experiment):
    trainer = experiment().trainer
    with torch.no_grad():
        trainer.learned.images[0, 0] = math.nan
    with pytest.raises(UserError, match="meta-step 0: the loss is nan"):
        trainer.step()


@pytest.mark.parametrize(
    ("meta_steps", "interval", "rows"), [(3, 0, 4), (40, 0, 21), (23_200, 0, 21), (47, 0, 17), (10, 4, 4)]
)
def test_how_many_rows_a_history_has(meta_steps, interval, rows):
    config = DistillConfig(meta_steps=meta_steps, validate_every=interval)
    every = config.validation_interval
    assert len({0, *range(every, meta_steps, every), meta_steps}) == rows


def test_looking_at_the_images_does_not_change_them(experiment, tmp_path):
    made = []
    for interval in (0, 1, 4):
        made.append(experiment(meta_steps=4, validate_every=interval))
        store = Checkpoints(tmp_path / str(interval), {})
        history = run(made[-1].trainer, made[-1].validate, store, progress, [].append, made[-1].snapshots)
        assert [row["meta_step"] for row in history] == ([0, 4] if interval == 4 else [0, 1, 2, 3, 4])
    for other in made[1:]:
        for name, tensor in other.trainer.learned.by_name().items():
            assert torch.equal(tensor, made[0].trainer.learned.by_name()[name])


@pytest.mark.parametrize("what", ["net", "backward pass"])
def test_a_meta_step_that_overflows_is_skipped(experiment, what, tmp_path, capsys):
    """Whether the net does, or only the gradient in its backward pass; and also in a run that is restored after it."""

    def overflowing(meta_steps):
        trainer = experiment(meta_steps=7, validate_every=2).trainer
        draw = trainer.initial

        def initial(stream, indices):
            theta = draw(stream, indices)
            if trainer.meta_step in meta_steps and stream == "train":
                theta[1] = math.nan if what == "net" else 1e5 * theta[1]
            return theta

        trainer.initial = initial
        return trainer

    trainer, records = overflowing({3, 4}), []
    history = run(
        trainer, lambda: torch.ones(2), Checkpoints(tmp_path, {}), progress, records.append, Snapshots(7, range(10))
    )
    assert [row["meta_step"] for row in history] == [0, 2, 4, 6, 7]
    assert [row["skipped"] for row in history] == [0, 0, 1, 2, 2]
    assert [math.isfinite(row["loss"]) for row in history] == [False, True, True, True, True]
    assert trainer.learned.images.isfinite().all()
    assert capsys.readouterr().err.count("skipped, because the loss is") == 2
    first = overflowing({3, 4})
    for _ in range(4):
        first.step()
    second = overflowing({3, 4})
    second.restore(*first.state())
    assert second.skipped == 1
    for _ in range(3):
        second.step()
    assert torch.equal(second.learned.images, trainer.learned.images)


def test_snapshots_are_further_and_further_apart():
    assert sorted(due(1000)) == [0, 5, 10, 19, 36, 71, 137, 266, 516, 1000]
    assert sorted(due(3)) == [0, 1, 2, 3]
    snapshots = Snapshots(3, [2, 0, 2, 0, 5, 5])
    images = torch.arange(2 * 6).view(2, 6, 1)  # two steps of two images of three classes, in no order
    assert snapshots.classes == [0, 2, 5]
    for meta_step in range(4):
        snapshots.take(meta_step, images + meta_step)
    assert snapshots.images[2].flatten().tolist() == [1 + 2, 0 + 2, 4 + 2]


def test_initial_weights_drawn_ahead_are_those_of_their_meta_step():
    drawn = []

    def draw(meta_step):
        drawn.append(meta_step)
        return torch.tensor(meta_step)

    prefetcher = Prefetcher(draw)
    assert prefetcher.take(0) == 0
    prefetcher.prefetch(1)
    assert prefetcher.take(1) == 1
    prefetcher.prefetch(2)
    assert prefetcher.take(7) == 7  # as in a trainer that was restored meanwhile
    assert drawn == [0, 1, 2, 7]


def test_one_step_reports_what_it_did(experiment):
    progress = experiment().trainer.step()
    assert isinstance(progress, Progress)
    assert progress.loss == pytest.approx(math.log(10), rel=0.2)
    assert progress.grad_norm > 0


def test_validation_images_are_never_trained_on(experiment):
    experiment = experiment()
    data, real = experiment.dataset, experiment.trainer.real

    def each(x):
        return {image.numpy().tobytes() for image in x}

    whole, kept = (each(normalise(x, data.mean, data.std)) for x in (data.x_train, experiment.validation[0]))
    trained = set().union(*(each(real.batch(number)[0]) for number in range(real.per_pass)))
    assert len(trained) == real.per_pass * real.batch_size
    assert trained < whole - kept
    assert len(kept) == experiment.config.validation_images


def test_all_images_are_trained_on_if_that_is_asked_for(experiment):
    held, every = experiment(), experiment(train_on_all=True)
    assert len(every.trainer.real.rows) == len(held.trainer.real.rows) + 100 == len(every.dataset.x_train)
    assert torch.equal(every.validation[0], held.validation[0])


def test_a_short_batch_is_judged_as_it_is(experiment):
    every = experiment(short_batches=True, train_on_all=True, real_batch=1000).trainer
    sizes = [len(every.real.batch(step)[0]) for step in range(4)]
    assert sizes == [1000, 297, 1000, 297]
    losses = [every.step().loss for _ in range(4)]
    assert all(math.isfinite(loss) for loss in losses)
    again = experiment(short_batches=True, train_on_all=True, real_batch=1000).trainer
    assert losses == [again.step().loss for _ in range(4)]


def test_a_grown_batch_is_judged_whole(experiment):
    trainer = experiment(meta_steps=2, real_batch_growth=2).trainer
    trainer.step()
    x, y = (torch.cat(parts) for parts in zip(trainer.real.batch(1), trainer.real.batch(2), strict=True))
    theta = trainer.initial("train", [2, 3])
    expected = meta_gradient(trainer.loss, theta, trainer.learned.data(), x, y)
    assert trainer.step().loss == pytest.approx(expected.losses.mean().item(), rel=1e-5)
