"""A user's folder of images: classes, splits, pictures of every mode, and what is refused."""

import shutil

import numpy as np
import pytest
from PIL import Image

from dd.data.folder_listing import class_names, describe_folder
from dd.data.image_folder import image_folder
from dd.data.obtain import prepare
from dd.data.prepared import load
from dd.runtime.errors import UserError


def picture(path, size, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 255 - value)).save(path)


def test_an_image_folder(tmp_path):
    for index in range(10):
        picture(tmp_path / "photos" / "cat" / f"{index}.png", (40, 20), 10 * index)
        picture(tmp_path / "photos" / "dog" / f"{index}.jpg", (20, 30), 255 - 10 * index)
    info = prepare("pets", tmp_path / "pets.npz", folder=tmp_path / "photos", size=16)
    data = load(tmp_path / "pets.npz")
    assert info["classes"] == ["cat", "dog"]
    assert info["source"] == "folder photos"  # and not where it lies: others read that too
    assert data.x_train.shape == (16, 3, 16, 16)
    assert data.y_test.bincount().tolist() == [2, 2]
    prepare("pets", tmp_path / "gray.npz", folder=tmp_path / "photos", size=16, gray=True)
    assert load(tmp_path / "gray.npz").image_shape == (1, 16, 16)


def test_an_image_folder_with_its_own_split(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        for name in ("a", "b"):
            for index in range(count):
                picture(tmp_path / split / name / f"{index}.png", (8, 8), 50 * index)
    prepare("own", tmp_path / "own.npz", folder=tmp_path, size=8)
    data = load(tmp_path / "own.npz")
    assert (len(data.x_train), len(data.x_test)) == (6, 4)


def test_pictures_are_read_as_viewers_show_them(tmp_path):
    """Phones store a picture as it was held, and say how to turn it; drawings have a transparent ground."""
    for name in ("turned", "clear", "half"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255
    turned = Image.Exif()
    turned[0x0112] = 6  # the first row is the right-hand side
    for index in range(5):
        Image.fromarray(pixels).save(tmp_path / f"photos/turned/{index}.png", exif=turned)
        clear = Image.fromarray(pixels).convert("RGBA")
        clear.putalpha(Image.fromarray(pixels[:, :, 0]))  # its lower half
        clear.save(tmp_path / f"photos/clear/{index}.png")
        half = Image.new("RGBA", (8, 8), "black")
        half.putalpha(Image.fromarray(255 - pixels[:, :, 0]))
        half.save(tmp_path / f"photos/half/{index}.png", exif=turned)
    prepare("own", tmp_path / "own.npz", folder=tmp_path / "photos", size=8)
    data = load(tmp_path / "own.npz")
    clear, half, upright = (data.x_train[data.y_train == label][0, 0] for label in range(3))
    damaged = Image.open(tmp_path / "photos/turned/0.png")
    damaged.save(tmp_path / "photos/turned/0.png", exif=b"Exif\0\0garbage!!!!")
    prepare("own", tmp_path / "again.npz", folder=tmp_path / "photos", size=8)
    assert (clear == 255).all()
    assert half[0].tolist() == upright[0].tolist() == [0] * 4 + [255] * 4


def test_bad_image_folders(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "nowhere")
    picture(tmp_path / "one" / "a" / "0.png", (8, 8), 0)
    with pytest.raises(UserError, match="at least two classes, and has 1"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "one")
    (tmp_path / "one" / "b").mkdir()
    with pytest.raises(UserError, match="no images in this class"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "one")
    picture(tmp_path / "one" / "b" / "1.png", (8, 8), 0)
    with pytest.raises(UserError, match="class a has a single image"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "one")
    picture(tmp_path / "one" / "a" / "1.png", (8, 8), 0)
    (tmp_path / "one" / "b" / "0.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"0\.png: cannot be read as an image"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "one")
    Image.fromarray(np.full((8, 8), 30_000, np.uint16)).save(tmp_path / "one" / "b" / "0.png")
    with pytest.raises(UserError, match=r"0\.png: has more than 8 bits a pixel"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "one")
    for index in range(60):
        picture(tmp_path / "few" / "a" / f"{index}.png", (8, 8), index)
        picture(tmp_path / "few" / "b" / f"{index % 2}.png", (8, 8), index)
    with pytest.raises(UserError, match=r"class b has 2 images, none of which are left to test when 0\.2"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "few")
    for split in ("train", "val"):
        picture(tmp_path / "split" / split / "a" / "0.png", (8, 8), 0)
    with pytest.raises(UserError, match="train, val look like splits, not classes"):
        prepare("x", tmp_path / "x.npz", folder=tmp_path / "split")
    assert not (tmp_path / "x.npz").exists()


@pytest.fixture
def pets(tmp_path):
    """Six pictures of each of two classes, no two alike."""
    for number in range(6):
        picture(tmp_path / f"pets/cat/{number}.png", (8, 8), number)
        picture(tmp_path / f"pets/dog/{number}.png", (8, 8), 100 + number)
    return tmp_path / "pets"


def count(folder):
    arrays, names, _ = image_folder(folder, size=8)
    return len(arrays["x_train"]) + len(arrays["x_test"]), names


@pytest.mark.parametrize(
    "name", ["cat/.thumbnails/0.png", "cat/@eaDir/0.png", "__MACOSX/cat/0.png", ".ipynb_checkpoints/0.png"]
)
def test_hidden_copies_are_no_images(pets, name):
    picture(pets / name, (8, 8), 0)
    (pets / "dog/._0.png").write_bytes(b"not a picture")
    (pets / "dog/Thumbs.db").write_bytes(b"not a picture")
    assert count(pets) == (12, ["cat", "dog"])


def test_all_formats_and_linked_folders_are_read(pets, tmp_path):
    for number, ending in enumerate(("jfif", "ppm", "pgm", "avif", "jpe")):
        image = Image.new("RGB", (8, 8), (20 * number,) * 3)
        image.save(pets / f"cat/more.{ending}", {"jfif": "JPEG", "jpe": "JPEG", "pgm": "PPM"}.get(ending))
    picture(tmp_path / "elsewhere/deep/1.png", (8, 8), 200)
    (pets / "dog/linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (pets / "dog/round").symlink_to(pets / "dog", target_is_directory=True)  # a link to a folder above it
    assert count(pets)[0] == 12 + 5 + 1


def test_what_is_passed_over_is_told_with_the_sizes_of_classes(pets):
    for name in ("cat/notes.txt", "cat/a.wav", "dog/b.wav", "dog/README"):
        (pets / name).touch()
    (pets / "dog/5.png").unlink()
    assert describe_folder(pets) == [
        "classes: cat 6, dog 5",
        "largest class: cat, 55 % of 11 images",
        "passed over, as they are no pictures of a class: 1 of .txt, 2 of .wav, 1 of no ending",
    ]


def test_pictures_beside_the_splits_or_the_table_are_told(pets):
    for split in ("train", "test", "val"):
        for name in ("cat", "dog"):
            picture(pets / split / name / "0.png", (8, 8), 100)
    assert describe_folder(pets)[2:] == ["passed over, as they are no pictures of a class: 14 of .png"]
    table(pets)
    assert describe_folder(pets)[2:] == ["passed over, as labels.csv does not name them: 6 of .png"]


def test_a_folder_does_not_take_the_name_of_a_known_dataset(pets, tmp_path):
    with pytest.raises(UserError, match="mnist: another dataset has this name; choose another"):
        prepare("mnist", tmp_path / "mnist.npz", folder=pets)
    for more in ({"gray": True}, {"test_fraction": 0.5}):
        with pytest.raises(UserError, match=r"gray and test_fraction are for images of your own \(--folder\)"):
            prepare("digits", tmp_path / "mnist.npz", **more)
    assert not (tmp_path / "mnist.npz").exists()


@pytest.mark.parametrize(("one", "other"), [("cat", "cat "), ("\u00e9", "e\u0301")])
def test_classes_that_look_the_same_are_refused(pets, one, other):
    for name in (one, other):
        picture(pets / name / "0.png", (8, 8), 100)
    with pytest.raises(UserError, match=r"pets: the classes .* look the same; rename or join them"):
        class_names(pets)


def test_a_folder_of_other_files_is_told_which_endings_count(pets):
    for file in (pets / "cat").iterdir():
        file.rename(file.with_suffix(".wav"))
    with pytest.raises(UserError, match=r"cat: no images in this class; add some \(.*\.jpg.*\.png.*\) or remove"):
        image_folder(pets, size=8)


def test_pictures_beside_each_other_are_told_to_go_into_subfolders(pets):
    with pytest.raises(UserError, match=r"cat: needs one subfolder with images for each of at least two classes, and"):
        image_folder(pets / "cat", size=8)


def table(root, *more):
    """Write a `labels.csv` for the pets, and more rows."""
    rows = [f"{name}/{n}.png,{name},{'test' if n > 3 else 'train'}" for name in ("cat", "dog") for n in range(6)]
    (root / "labels.csv").write_text("\n".join(["file,class,split", *rows, *more]))


@pytest.mark.parametrize("row", ["cat/0.png,cat,test", "cat/../cat/0.png,dog,train", "cat/0.png,cat,train"])
def test_a_file_twice_in_a_table_is_refused_with_both_rows(pets, row):
    table(pets, row)
    with pytest.raises(UserError, match="rows 2 and 14 both have cat/"):
        image_folder(pets, size=8)


def test_outer_blanks_in_a_table_do_not_count(pets):
    rows = [f"{name}/{n}.png, {name} ,{'test' if n > 3 else 'train '}" for name in ("cat", "dog") for n in range(6)]
    (pets / "labels.csv").write_text("\n".join(["file,class,split", *rows]))
    assert count(pets) == (12, ["cat", "dog"])


def test_links_to_a_store_elsewhere_are_read(pets, tmp_path):
    """DVC and git-annex keep files in a store, with links in the folder."""
    store = tmp_path / "store"
    for file in sorted(pets.glob("*/*.png")):
        (store / file.parent.name).mkdir(parents=True, exist_ok=True)
        file.rename(store / file.parent.name / file.name)
        file.symlink_to(store / file.parent.name / file.name)
    without = image_folder(pets, size=8)
    assert len(without.files["train"]) + len(without.files["test"]) == 12
    table(pets)
    assert count(pets) == (12, ["cat", "dog"])


@pytest.mark.parametrize("how", ["../store/0.png", "cat/../../store/0.png", "{store}/0.png"])
def test_paths_that_leave_the_folder_are_refused(pets, tmp_path, how):
    picture(tmp_path / "store/0.png", (8, 8), 0)
    table(pets, f"{how.format(store=tmp_path / 'store')},cat,train")
    with pytest.raises(UserError, match=r"row 14: \S+ lies outside \S+; move the image there or make a link"):
        image_folder(pets, size=8)


def test_a_path_may_be_absolute_and_go_back_and_forth(pets, tmp_path):
    (tmp_path / "link").symlink_to(pets)
    for number, path in enumerate((tmp_path / "link/dog/more0.png", pets / "dog/more1.png", "cat/../dog/more2.png")):
        picture(pets / f"dog/more{number}.png", (8, 8), 200 + number)
        table(pets, f"{path},dog,train")
        assert count(tmp_path / "link")[0] == 13


def test_a_link_that_leads_nowhere_is_refused_with_its_reason(pets, tmp_path):
    """git-annex leaves such links where the content was not fetched."""
    (pets / "cat/9.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"cat/9\.png: cannot be read as an image \(No such file or directory\)"):
        image_folder(pets, size=8)


def fidelity(folder, out):
    return prepare("x", out / "x.npz", folder=folder, size=8)["fidelity"]


def test_without_copies_nothing_is_said(pets, tmp_path):
    shutil.copy(pets / "cat/0.png", pets / "cat/again.png")
    table(pets, "cat/again.png,cat,train")  # twice in one class and split is the user's own weight
    assert fidelity(pets, tmp_path) == "as its source gives it"


def test_test_images_that_are_training_images_are_told(pets, tmp_path):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            shutil.copytree(pets / name, tmp_path / "own" / split / name)
    for number in range(4):
        picture(tmp_path / f"own/test/cat/{number}.png", (8, 8), 30 + number)
        picture(tmp_path / f"own/test/dog/{number}.png", (8, 8), 40 + number)
    shutil.copy(tmp_path / "own/train/dog/3.png", tmp_path / "own/test/dog/9.bmp")  # under another name
    told = "test images that equal training images: 5 of 13 (test/cat/4.png is train/cat/4.png), which makes accuracy"
    assert fidelity(tmp_path / "own", tmp_path) == f"as its source gives it; {told} too high"


def test_copies_are_told_where_the_split_is_made_here_and_of_links(pets, tmp_path):
    for number in range(6):
        (pets / f"cat/same{number}.png").symlink_to("0.png")
    said = fidelity(pets, tmp_path)
    assert "test images that equal training images: " in said
    assert "several classes" not in said
    table(pets, "cat/same0.png,dog,train")
    assert fidelity(pets, tmp_path).endswith("; images in several classes: 1 (cat/same0.png is cat/0.png)")


def test_the_command_says_it_in_a_line(dd, pets, tmp_path):
    shutil.copy(pets / "cat/0.png", pets / "cat/again.png")
    table(pets, "cat/again.png,cat,test")
    done = dd("data", "prepare", "pets", "--folder", pets, "--size", "8", "--out", tmp_path / "pets.npz")
    assert "test images that equal training images: 1 of 5 (cat/again.png is cat/0.png)" in done.stdout.splitlines()[2]
    assert (done.returncode, done.stderr) == (0, "")
