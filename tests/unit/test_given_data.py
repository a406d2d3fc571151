"""What `dd.distill` is given in Python: kinds of data, start, pool and device that it takes or refuses."""

import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import dd
from dd.data.tensors import tensors_of
from dd.runtime.errors import UserError

X, Y = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8), torch.arange(20) % 2
PAIRS = TensorDataset(X, Y)


class Items(Dataset):
    """Twenty times the same item."""

    def __init__(self, item):
        self.item = item

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return self.item


class Stream(IterableDataset):
    """Pairs without a number."""

    def __iter__(self):
        return iter(PAIRS)


@pytest.mark.parametrize(
    ("data", "labels", "message"),
    [
        (PAIRS, "LeNet", "labels: a Dataset of pairs has its own; leave them out, and name a network as net="),
        (PAIRS, Y, "labels: a Dataset of pairs has its own"),
        (Stream(), None, "labels: are missing; .* or a Dataset of pairs with a length, not .*Stream"),
        (DataLoader(PAIRS), None, "labels: are missing"),
        ({"images": X}, None, "labels: are missing"),
        (pd.DataFrame({"width": range(20)}), None, "labels: are missing"),
        (Items({"image": X[0], "label": 0}), None, "item 0 is no pair of an input and a label"),
        (Items((X[0], "cat")), None, "label 0 is 'cat'; it must be a whole number"),
        ([(X[0], 0), (X[0].to("meta"), 1)], None, "its inputs make no tensor"),
        (Items((X[0], 0.7)), None, "label 0 is 0.7; it must be a whole number"),
        (Items((X[0], float("inf"))), None, "label 0 is inf"),
        (Items((X[0], 2**70)), None, "labels are no tensor of numbers"),
        (Items((X[0], X)), None, "label 0 is tensor"),
        (Items(([[1], [1, 2]], 1)), None, "input 0 is a list; it must be a tensor or a picture"),
        (Items(("text", 1)), None, "input 0 is a str; it must be a tensor or a picture"),
        (X, ["cat"] * 20, "labels are no tensor of numbers"),
        ([[1.0, 2.0], [1.0]], [0, 1], "inputs are no tensor of numbers"),
        (X.float().to_sparse(), Y, "inputs are torch.sparse_coo on cpu; give a dense tensor"),
        (X.to("meta"), Y, "inputs are torch.strided on meta"),
    ],
)
def test_data_that_are_no_inputs_and_labels_are_refused_in_one_line(data, labels, message):
    with pytest.raises(UserError, match=message) as refused:
        dd.distill(data, labels, progress=False)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": 3}, "start: 3 is neither noise, real, a set nor its path"),
        ({"pool": "pools/mnist"}, r"pool: 'pools/mnist' is none; give dd.load_pool\(folder\)"),
        ({"start": X.float()}, r"start: tensor\(.* is neither noise"),
        ({"device": "gpu"}, "device: 'gpu' is neither cpu nor cuda"),
        ({"device": "cuda:x"}, "device: 'cuda:x' is neither cpu nor cuda"),
        ({"device": "cuda:99"}, "device: PyTorch finds no GPU for 'cuda:99'"),
        pytest.param(
            {"device": "cuda"},
            "device: PyTorch finds no GPU for 'cuda'; leave it out for the CPU",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU"),
        ),
    ],
)
def test_other_arguments_of_the_wrong_kind_are_refused(given, message):
    with pytest.raises(UserError, match=message) as refused:
        dd.distill(X, Y, "MLP", progress=False, **given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["u2", "u4", "u8", ">i4", "i1"])
def test_labels_and_arrays_of_any_kind_and_order_are_taken(kind):
    pixels, classes = X.numpy()[:, :, ::-1], Y.numpy().astype(kind)[::-1]
    x, y = tensors_of(pixels, classes)
    assert x.equal(X.flip(2))
    assert y.equal(Y.flip(0))
    assert tensors_of(pixels.astype(">f4"), classes)[0].equal(X.flip(2).float())
    pairs = list(zip(pixels.astype(">f4"), classes, strict=True))
    assert tensors_of(pairs)[0].equal(X.flip(2).float())
    assert tensors_of(pairs)[1].equal(Y.flip(0))


def test_tables_of_pandas_are_tables():
    table = pd.DataFrame({"width": torch.rand(20).tolist(), "height": torch.rand(20).tolist()})
    x, y = tensors_of(table, pd.Series(Y.numpy()))
    assert x.dtype == torch.float32
    assert torch.allclose(x, torch.tensor(table.to_numpy()).float())
    assert y.equal(Y)
    assert tensors_of(pd.DataFrame({"count": range(20)}), Y)[0].flatten().tolist() == list(range(20))
    with pytest.raises(UserError, match="some inputs are not finite"):
        tensors_of(pd.DataFrame({"count": [None, *range(19)]}, dtype="Int64"), Y)
