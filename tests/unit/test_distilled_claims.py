"""What the paper says in words of distilled images, and of full training, judged by measured files."""

import pandas as pd
import pytest

from dd.report.comparison import Measurement, compare

LOW = "Images for a fixed init are more like white noise than those for random init"
EARLY = "Images of the first step are more like white noise than those of the last"
RATES = "Later epochs have smaller learning rates"
CLOSE = "Ten images for one known net come within 10 points of full training"
OTHERS = "On new inits, images for random init beat those for a fixed init"
TRAITS = {
    "lr_first_epoch": 0.05,
    "lr_last_epoch": 0.02,
    "high_frequencies": 70.0,
    "high_frequencies_first_step": 75.0,
    "high_frequencies_last_step": 60.0,
    "high_frequencies_noise": 81.0,
}


def verdict(measured, where, what, task="mnist"):
    table = compare(measured, {}, "test")
    (row,) = table[table["where"].eq(where) & table["task"].eq(task) & table["what"].eq(what)].itertuples()
    return row.verdict, row.why


def told(published, name, **changed):
    """A published evaluation with these traits."""
    kind, table = published[name]
    return Measurement(kind, table.assign(**TRAITS | changed))


def test_older_evaluations_are_read_and_not_judged(published):
    older = {
        name: Measurement(kind, table.drop(columns=TRAITS, errors="ignore"))
        for name, (kind, table) in published.items()
    }
    for where, what, task in (("fig2a", RATES, "mnist"), ("fig3b", EARLY, "cifar10"), ("fig2b", LOW, "cifar10")):
        assert verdict(older, where, what, task) == ("not run", "what it compares was not all run")
    assert verdict({}, "fig3a", RATES) == ("not run", "not part of scale test")


@pytest.mark.parametrize(("last", "result"), [(0.04, "supported"), (0.05, "NOT supported"), (0.06, "NOT supported")])
def test_rates_fall_from_the_first_epoch_to_the_last(published, last, result):
    measured = {"fig3a": told(published, "fig3a", lr_last_epoch=last)}
    found = verdict(measured, "fig3a", RATES)
    assert found == (result, f"mean rate 0.05 in the first epoch, {last:g} in the last")
    single = {"fig3a": told(published, "fig3a", epochs=1)}
    assert verdict(single, "fig3a", RATES)[0] == "not run"


@pytest.mark.parametrize(
    ("first", "last", "result"),
    [(75.0, 60.0, "supported"), (60.0, 75.0, "NOT supported"), (95.0, 75.0, "NOT supported")],  # noisier than noise
)
def test_images_of_early_steps_look_noisier(published, first, last, result):
    changed = {"high_frequencies_first_step": first, "high_frequencies_last_step": last}
    found, why = verdict({"fig3b": told(published, "fig3b", **changed)}, "fig3b", EARLY, "cifar10")
    assert found == result
    assert why == f"{first} against {last} % of their power at high frequencies (white noise: 81.0 %)"
    assert verdict({"fig3b": told(published, "fig3b", steps=1)}, "fig3b", EARLY, "cifar10")[0] == "not run"


@pytest.mark.parametrize(("share", "result"), [(80.0, "supported"), (60.0, "NOT supported")])
def test_images_for_one_net_look_more_like_noise(published, share, result):
    measured = {name: told(published, name) for name in ("fig2a", "fig3a")}
    measured["fig2a"] = told(published, "fig2a", high_frequencies=share)
    assert verdict(measured, "fig2a", LOW)[0] == result
    other_net = measured | {"fig3a": told(published, "fig3a", net="MLP")}
    assert verdict(other_net, "fig2a", LOW)[0] == "not run"
    assert verdict({"fig2a": measured["fig2a"]}, "fig2a", LOW)[0] == "not run"


def without_rows(published, *methods):
    """Published Table 1 without some rows of MNIST."""
    kind, table = published["table1"]
    return Measurement(kind, table[~(table["task"].eq("mnist") & table["method"].isin(methods))])


def with_rows(published, **accuracy):
    """Published Table 1 with other rows of MNIST."""
    kind, table = without_rows(published, *accuracy)
    of_ours = table[table["task"].eq("mnist") & table["method"].eq("random init")]
    added = [of_ours.assign(method=method, accuracy=value, paper=99.0) for method, value in accuracy.items()]
    return Measurement(kind, pd.concat([table, *added]).assign(net="LeNet"))


@pytest.mark.parametrize(("full", "result"), [(99.0, "supported"), (104.5, "NOT supported")])
def test_few_images_come_close_to_full_training_as_measured(published, full, result):
    measured = {"fig2a": published["fig2a"], "table1": with_rows(published, full=full)}
    found, why = verdict(measured, "fig2a", CLOSE)
    assert found == result
    assert why.endswith(f" % of {full}")
    assert verdict({"fig2a": published["fig2a"]}, "fig2a", CLOSE)[0] == "not run"
    assert verdict(published | {"table1": without_rows(published, "full")}, "fig2a", CLOSE)[0] == "not run"
    kind, table = measured["table1"]
    assert verdict(measured | {"table1": Measurement(kind, table.assign(net="MLP"))}, "fig2a", CLOSE)[0] == "not run"


def test_full_training_is_a_number_of_the_paper_and_no_rival(published):
    number = verdict({"table1": with_rows(published, full=99.5)}, "table1", "Full training set")
    assert number == ("the same", 'Section 4, which says "about"')
    for accuracy, said in ((90.0, "lower"), (103.0, "higher")):
        measured = {"table1": with_rows(published, full=accuracy)}
        assert verdict(measured, "table1", "Full training set")[0] == said
        assert verdict(measured, "table1", "Ours, fixed init, beats the baselines")[0] == "supported"


@pytest.mark.parametrize(("others", "result"), [(12.0, "supported"), (90.0, "NOT supported")])
def test_a_set_for_one_net_does_worse_on_others(published, others, result):
    measured = {"table1": with_rows(published, **{"other inits": others})}
    assert verdict(measured, "table1", OTHERS)[0] == result
    assert verdict({"table1": without_rows(published, "other inits")}, "table1", OTHERS)[0] == "not run"
    numbers = compare(measured, {}, "test").query("kind == 'number'")
    assert not numbers["what"].str.contains("other inits").any()


def test_on_other_data_they_are_claims_of_their_own(published):
    digits = {name: told(published, name, dataset="digits") for name in ("fig2a", "fig3a")}
    kind, table = with_rows(published, full=99.0, **{"other inits": 12.0})
    digits["table1"] = Measurement(kind, table[table["task"].eq("mnist")].assign(task="digits", paper=float("nan")))
    found = compare(digits, {}, "test").query("task == 'digits'")
    assert set(found["kind"]) == {"claim on other data"}
    assert {LOW, EARLY, RATES, CLOSE, OTHERS} < set(found["what"])
    assert "not run" not in set(found["verdict"])


def test_files_of_another_kind_are_judged_by_no_claim(published):
    swapped = {"fig2a": published["table1"], "table1": published["fig2a"]}
    table = compare(swapped, {}, "test")
    assert set(table.loc[table["where"].eq("fig2a"), "verdict"]) == {"not run"}
