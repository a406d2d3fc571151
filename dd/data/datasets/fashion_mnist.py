"""Fashion-MNIST: pictures of clothes with the sizes and files of MNIST."""

from dd.data.named_dataset import NamedDataset

DATASET = NamedDataset(
    name="fashion_mnist",
    description="pictures of clothes (Xiao et al. 2017)",
    licence="MIT",
    channels=1,
    size=28,
    # without the slash of "T-shirt/top", because folders are named after classes
    classes=(
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    torchvision="FashionMNIST",
    idx_folder="fashion-mnist",
    array_digests={
        "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    },
    modules=(__name__, "dd.data.mirror", "dd.data.idx", "dd.data.downloads"),
    order=2,
)
