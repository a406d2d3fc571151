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
        (Items(("text", 1)), None, "input 0 is a str; it must be a tensor or a picture"),
        (X, ["cat"] * 20, "labels are a list that is no tensor of numbers"),
        ([[1.0, 2.0], [1.0]], [0, 1], "inputs are a list that is no tensor of numbers"),
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
        ({"pool": "pools/mnist"}, r"pool: give dd.load_pool\('pools/mnist'\)"),
        ({"device": "gpu"}, "device: 'gpu' is neither cpu nor cuda"),
        pytest.param(
            {"device": "cuda"},
            "device: PyTorch finds no GPU for 'cuda'; leave it out for the CPU",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU"),
        ),
    ],
)
def test_other_arguments_of_the_wrong_kind_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        dd.distill(X, Y, "MLP", progress=False, **given)


def test_tables_of_pandas_are_tables():
    table = pd.DataFrame({"width": torch.rand(20).tolist(), "height": torch.rand(20).tolist()})
    x, y = tensors_of(table, pd.Series(Y.numpy()))
    assert x.dtype == torch.float32
    assert torch.allclose(x, torch.tensor(table.to_numpy()).float())
    assert y.equal(Y)
