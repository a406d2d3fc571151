"""The paper's numbers and claims beside measured ones: verdicts, reasons, and what is published."""

import re

import pandas as pd
import pytest
import yaml

from dd.report.comparison import CLAIMS, NUMBERS, TASKS, Measurement, compare, read_measurements
from dd.report.comparison_page import COMPARISON_WRITERS
from dd.report.records import Place
from dd.report.tables import TABLES
from dd.runtime.errors import UserError
from tests.conftest import ROOT
from tests.unit.conftest import PUBLISHED, SOURCES

FADA = "Ours, fixed pre-trained, beats few-shot adaptation"


def rows(measured, **keys):
    table = compare(measured, {}, "test")
    for key, value in keys.items():
        table = table[table[key] == value]
    return table


def test_every_number_of_the_paper_is_there_once():
    found = [(*number.place, number.row) for number in NUMBERS]
    assert len(found) == len(set(found)) == 2 * 9 + 3 * 9 + 2 * 5 + 8 + 6 + 4
    numbers = {(*number.place, number.row): tuple(number.reported) for number in NUMBERS}
    assert numbers["table2", "svhn → mnist", "fada"] == (74.0, 1.5)
    assert numbers["fig2b", "cifar10", "before"] == (8.82, None)
    assert numbers["fig6", "cifar10", "misled"] == (45.9, 18.1)


def test_numbers_are_compared_in_the_papers_setting_only(published):
    kind, table = published["fig2a"]
    other = rows({"fig2a": Measurement(kind, table.assign(steps=2))}, where="fig2a", kind="number")
    assert set(other["why"]) == {"run in another setting than the paper's"}
    assert set(other["verdict"]) == {"not run"}
    digits = rows({"fig2a": Measurement(kind, table.assign(dataset="digits"))}, where="fig2a", kind="number")
    assert set(digits["verdict"]) == {"not run"}
    ours = rows({"fig2a": Measurement(kind, table)}, where="fig2a", kind="number").set_index("what")
    after = table.loc[table["stage"] == "after", "accuracy"].item()
    assert ours.loc["after it", ["measured", "verdict"]].tolist() == [after, "the same"]


@pytest.mark.parametrize("where", ["fig3a", "fig4", "fig6", "table1"])
def test_what_was_made_in_another_way_gets_no_verdict(published, where):
    kind, table = published[where]
    judged = rows({where: Measurement(kind, table)}, where=where)
    assert len(judged[judged["verdict"] != "not run"])
    soft = rows({where: Measurement(kind, table.assign(beyond="soft_labels"))}, where=where)
    assert set(soft["verdict"]) == {"not run"}
    assert "of a set with soft_labels, not the paper's way" in set(soft["why"])


def test_only_what_was_made_in_another_way_loses_its_verdict(published):
    kind, table = published["table1"]
    table["beyond"] = ["soft_labels" if method == "fixed" else None for method in table["method"]]
    numbers = rows({"table1": Measurement(kind, table)}, where="table1", kind="number").set_index("what")["verdict"]
    assert set(numbers["Ours, fixed init"]) == {"not run"}
    assert "not run" not in set(numbers.drop(["Ours, fixed init", "Full training set"]))
    twice = pd.concat([table.assign(beyond=None), table.assign(beyond="soft_labels", accuracy=1.0, paper=None)])
    mixed, alone = (
        rows({"table1": Measurement(kind, each)}).query("verdict != 'not run'")
        for each in (twice, table.assign(beyond=""))
    )
    assert len(alone) > 16
    pd.testing.assert_frame_equal(mixed, alone)


def test_the_datas_fidelity_stands_beside_the_numbers(published):
    kind, table = published["fig3b"]
    said = "test images 1,000 to 9,999 were decoded from JPEG"
    compared = compare({"fig3b": Measurement(kind, table.assign(fidelity=said))}, {}, "test")
    run = compared[compared["verdict"] != "not run"]
    assert set(run["fidelity"]) == {said}
    assert set(compared.drop(run.index)["fidelity"]) == {""}
    for suffix in (".md", ".tex", ".html"):
        assert f"Data of CIFAR10: {said}" in COMPARISON_WRITERS[suffix](compared, "test")


def test_what_was_not_run_says_why(published):
    kind, bars = published["fig6"]
    without = published | {"fig6": Measurement(kind, bars.query("dataset == 'mnist'"))}
    table = compare(without, {Place("fig6", "cifar10"): "too slow"}, "test")
    of = table[table["where"].eq("fig6") & table["task"].eq("cifar10")]
    assert len(of) == 5
    assert set(of["why"]) == {"too slow"}
    assert set(table.loc[(table["where"] == "table3") & (table["task"] != "birds10"), "why"]) == {
        "not part of scale test"
    }
    with pytest.raises(
        UserError, match=r"--not-run table2: the paper has no 'svhn' there\. It has table1: mnist, cifar10;"
    ):
        compare(published, {Place("table2", "svhn"): "offline"}, "test")


@pytest.mark.parametrize(
    ("name", "task", "ours", "rival", "claim"),
    [
        ("table1", "mnist", "random init", "average", "Ours, random init, beats the baselines"),
        ("table1", "cifar10", "random init", "knn_k_means", "Ours, random init, beats the baselines"),
        ("table2", "usps → mnist", "fixed_pretrained", "fada", FADA),
        ("table2", "usps → mnist", "random_pretrained", "k_means", "Ours, random pre-trained, beats real images"),
    ],
)
def test_claims_follow_the_numbers(published, name, task, ours, rival, claim):
    kind, table = published[name]
    of = {method: table["method"].eq(method) & table["task"].eq(task) for method in (ours, rival)}
    for ahead, verdict in ((-0.1, "supported"), (0.1, "NOT supported")):
        others = table["task"].eq(task) & ~of[ours] & ~table["method"].eq("knn_k_means")  # which is ahead in the paper
        table.loc[others, "accuracy"] = table.loc[of[ours], "accuracy"].item() - 1
        table.loc[of[rival], "accuracy"] = table.loc[of[ours], "accuracy"].item() + ahead
        (row,) = rows({name: Measurement(kind, table)}, where=name, task=task, what=claim).itertuples()
        assert row.verdict == verdict


def test_a_baseline_ahead_in_the_paper_may_be_ahead_here(published):
    kind, table = published["table1"]
    table.loc[table["method"].eq("knn_k_means") & table["task"].eq("mnist"), "accuracy"] = 99.0
    table.loc[table["method"].eq("random init") & table["task"].eq("mnist"), "accuracy"] = 98.0
    claim = "Ours, random init, beats the baselines"
    (row,) = rows({"table1": Measurement(kind, table)}, where="table1", task="mnist", what=claim).itertuples()
    assert row.verdict == "supported"


def test_what_the_papers_own_numbers_deny_is_no_claim_of_it():
    claimed = rows({}, kind="claim")
    adaptation = claimed[claimed["what"] == "Ours, random pre-trained, beats few-shot adaptation"]
    assert set(adaptation["task"]) == {"usps → mnist", "svhn → mnist"}
    assert set(claimed["verdict"]) == {"not run"}


@pytest.mark.parametrize("change", [{"steps": 10}, {"epochs": 3}, {"init": "random"}, {"net": "MLP"}])
def test_poisoning_in_another_setting_has_no_number_of_the_paper(published, change):
    kind, table = published["fig6"]
    judged = rows({"fig6": Measurement(kind, table)}, kind="number", where="fig6", task="mnist")
    assert "not run" not in set(judged["verdict"])
    other = rows({"fig6": Measurement(kind, table.assign(**change))}, kind="number", where="fig6", task="mnist")
    assert set(other["why"]) == {"run in another setting than the paper's"}


def test_claims_of_several_panels_and_datasets(published):
    kind, table = published["fig4"]
    falling = table.assign(panel="again", mean=-table["mean"])
    both = rows({"fig4": Measurement(kind, pd.concat([table, falling]))}, kind="claim", where="fig4", task="mnist")
    assert both.set_index("what").loc["More steps help", "verdict"] == "NOT supported"
    two = pd.concat([table, falling.assign(panel=table["panel"], label="other", dataset="cifar10")])
    verdicts = rows({"fig4": Measurement(kind, two)}, kind="claim", where="fig4", what="More steps help").set_index(
        "task"
    )["verdict"]
    assert verdicts.to_dict() == {"mnist": "supported", "cifar10": "NOT supported"}


def test_figures_claims(published):
    kind, table = published["fig6"]
    cifar10 = rows(
        {"fig6": Measurement(kind, table.assign(dataset="cifar10"))}, kind="claim", task="cifar10", where="fig6"
    )
    assert cifar10["verdict"].tolist() == ["supported", "NOT supported", "supported"]  # must mislead more than all
    ours = table["method"].eq("ours")
    table.loc[ours & table["measure"].eq("others"), "before"] = 99.9
    best = table.loc[~ours & table["measure"].eq("misled"), "mean"].max()
    table.loc[ours & table["measure"].eq("misled"), "mean"] = best - 5.1
    mnist = rows({"fig6": Measurement(kind, table)}, kind="claim", where="fig6", task="mnist")
    assert mnist["verdict"].tolist() == ["supported", "NOT supported", "NOT supported"]
    kind, table = published["linear_case"]
    table.loc[table["M"] == 12, "gap_max"] = 0.1
    assert rows({"linear_case": Measurement(kind, table)}, where="linear_case")["verdict"].tolist() == ["NOT supported"]
    kind, table = published["linear_case"]
    table.loc[(table["M"] < table["D"]) & table["method"].eq("learned"), "gap"] -= 0.5  # what cannot be
    under = rows({"linear_case": Measurement(kind, table)}, where="linear_case")
    assert under["verdict"].tolist() == ["NOT supported"]
    assert "under the bound" in under["why"].item()
    kind, table = published["fig3a"]
    better = {"fig2a": published["fig2a"], "fig3a": Measurement(kind, table.assign(accuracy=99.0))}
    few = "A few images for one known net do better than more for any net"
    assert rows(better, where="fig2a", what=few)["verdict"].tolist() == ["NOT supported"]
    kind, table = published["fig2a"]
    for other in ({"init": "random"}, {"distilled_images": 100}, {"net": "MLP"}):
        no_few = better | {"fig2a": Measurement(kind, table.assign(**other))}
        assert rows(no_few, where="fig2a", what=few)["verdict"].tolist() == ["not run"]


def test_other_data_has_claims_and_no_numbers(published):
    kind, table = published["table1"]
    own = table[table["task"] == "mnist"].assign(task="digits", paper=float("nan"))
    kind_4, curves = published["fig4"]
    made = {
        "table1": Measurement(kind, own),
        "fig4": Measurement(kind_4, curves[curves["dataset"] == "mnist"].assign(dataset="digits")),
    }
    table = compare(made, {}, "demo")
    assert set(table.loc[table["kind"] == "number", "verdict"]) == {"not run"}
    digits = table[table["task"] == "digits"]
    assert digits["verdict"].tolist() == ["supported", "NOT supported", *["supported"] * 5]  # all baselines are meant
    for suffix in (".md", ".tex", ".html"):
        assert "Nothing at scale demo is a number of the paper" in COMPARISON_WRITERS[suffix](table, "demo").replace(
            "\n", " "
        )


def test_published_comparison_is_that_of_the_published_files():
    scale = yaml.safe_load((ROOT / "workflow/scales/laptop.yaml").read_text())
    reasons = {Place(where, task): why for where, tasks in scale["not_run"].items() for task, why in tasks.items()}
    names = {"fig1": "figures/fig1"} | SOURCES
    paths = [(name, path) for name, stem in names.items() for path in (stem, *(f"{stem}_seed{n}" for n in (1, 2)))]
    files = [(name, PUBLISHED / f"{path}.csv") for name, path in paths]
    measured = read_measurements((name, str(path)) for name, path in files if path.exists())
    table = compare(measured, reasons, "laptop")
    page = without_notes(COMPARISON_WRITERS[".md"](table, "laptop"))
    assert page == without_notes((PUBLISHED / "compare.md").read_text())
    assert page.count("\n## ") == 3
    written = pd.read_csv(PUBLISHED / "compare.csv").fillna({"why": "", "fidelity": ""})
    pd.testing.assert_frame_equal(written, table, check_dtype=False)


def without_notes(page):
    """The page without the list above its tables, whose wording may change after a page was published."""
    return re.sub(r"^- .*\n", "", page, flags=re.MULTILINE)


def test_an_attack_that_leaves_more_of_the_attacked_class_is_worse():
    kind, lines = read_measurements([("fig1", str(PUBLISHED / "figures/fig1.csv"))])["fig1"]
    for accuracy, verdict in ((1.0, "better"), (7.0, "the same"), (60.0, "worse")):
        changed = lines.assign(after=lines["after"].where(lines["measure"] != "attacked", accuracy))
        table = compare({"fig1": Measurement(kind, changed)}, {}, "test")
        (told,) = table.loc[table["what"] == "accuracy, attacked class, after training", "verdict"]
        assert told == verdict


def test_a_claim_without_what_it_compares_says_so(published):
    kind, table = published["fig6"]
    ours = table.query("method == 'ours' and dataset == 'mnist'")
    alone = {"fig6": Measurement(kind, ours), "fig2a": published["fig2a"]}
    claims = rows(alone, kind="claim")
    untried = claims[claims["why"] == "what it compares was not all run"]
    assert set(zip(untried["where"], untried["task"], strict=True)) == {("fig6", "mnist"), ("fig2a", "mnist")}
    assert set(untried["verdict"]) == {"not run"}
    assert "not part of scale test" in set(claims.loc[claims["task"] == "cifar10", "why"])


def test_every_place_is_listed():
    assert {number.place.where for number in NUMBERS} | {"fig4", "fig5"} == set(TASKS)
    assert {claim.place.where for claim in CLAIMS} - {"linear_case"} < set(TASKS)
    assert set(TABLES) < set(TASKS)


def test_figures_of_ones_own_keep_their_names(published):
    own = {"fig_mine": published["fig4"], "figure_of_mine": published["fig2a"]}
    table = compare(own, {}, "test")
    assert set(table.loc[table["scale"] == "test", "where"]) == {"fig_mine"}
    assert set(table.loc[table["where"] == "fig_mine", "kind"]) == {"claim on other data"}


def test_command(dd, tmp_path):
    words = ["--measured", "fig2a", PUBLISHED / "evaluate/mnist_fixed.csv", "--scale", "x"]
    outs = [word for end in COMPARISON_WRITERS for word in ("--out", tmp_path / f"c{end}")]
    done = dd("compare", *words, *outs, "--verdicts", tmp_path / "v.html")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Figure 2a +2 +1 +0 +0 +0 +1 +0 +4 +1 +1\n", done.stdout)  # that of its rates is tried
    assert all((tmp_path / f"c{end}").stat().st_size > 1000 for end in COMPARISON_WRITERS)
    verdicts = re.findall(
        "<tr>\\s*<td>(.+?)</td>\\s*<td>(.+?)</td>\\s*<td>(.+?)</td>", (tmp_path / "v.html").read_text()
    )
    assert verdicts == [("Figure 2a", "2", "1"), ("all", "64", "1")]  # lines where nothing was tried are left out
    foreign = PUBLISHED / "runs.csv"
    done = dd("compare", "--measured", "fig2a", foreign, "--scale", "x", "--out", tmp_path / "c.md")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"error: {foreign}: neither a table, curves, bars nor" in done.stderr


def test_hours_stand_beside_the_papers(dd, tmp_path):
    words = ["--measured", "fig2a", PUBLISHED / "evaluate/mnist_fixed.csv", "--scale", "x", "--out", tmp_path / "c.md"]
    assert dd("compare", *words).returncode == 0
    assert "1 to 4 hours" not in (tmp_path / "c.md").read_text()
    histories = [PUBLISHED / f"distill/{name}/history.csv" for name in ("mnist_fixed", "mnist_random")]
    done = dd("compare", *words, *(word for path in histories for word in ("--history", path)))
    assert done.returncode == 0, done.stderr
    first, second = sorted(pd.read_csv(path)["seconds"].iloc[-1] / 3600 for path in histories)
    told = f"Here 2 took {first:.2f} to {second:.2f} hours, median {(first + second) / 2:.2f}"
    assert told in (tmp_path / "c.md").read_text()
    done = dd("compare", *words, "--history", words[2])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"error: {words[2]}: not a table of `python -m dd distill`" in done.stderr
