"""The report of a whole run, in a real browser."""

import shutil

import pytest
import yaml

from dd.report.comparison import NUMBERS
from tests.conftest import ROOT, checkout, made_once
from tests.workflow.test_workflow import TINY_CURVE, snakemake

TINY = {
    "scale": "tiny",
    "all": ["fig1", "fig2a", "fig4", "fig6", "table1", "linear_case"],
    "evaluate": {"nets": 2},
    "baselines": {"draws": 1, "nets": 1, "test_nets": 1, "candidates": 1, "candidate_nets": 1, "choose_on": "held-out"},
    "distill": {
        "meta_steps": 4,
        "epochs": 1,
        "nets": 1,
        "real_batch": 32,
        "validation_images": 50,
        "train_on_all": False,
    },
    "experiments": {
        "one": {"dataset": "digits", "steps": 2, "init": "fixed"},  # for which Table 1 has no baselines
        "poison": {"dataset": "digits", "steps": 1, "attack_class": 0, "target_class": 1},
    },
    "tables": {"table1": ["one"]},
    "bars": {"fig6": ["poison"]},
    "overview": {"fig1": ["one", "poison"]},
    "curves": {name: [TINY_CURVE] for name in ("fig4", "fig5")},
    "figures": {"fig2a": {"experiment": "one", "steps": [1, 2]}},
}
RESULTS = {
    "Comparison": ["compare.html"],
    "Configuration": ["configuration.html"],
    "Experiments": ["pages/one.html", "pages/poison.html"],
    "Figures": ["fig1.png", "fig2a.png", "fig4.png", "fig6.png", "linear_case.png"],
    "Tables": ["table1.html"],
    # of experiments, and of another point of the curve
    "Training": ["one/training.png", "one_steps1/training.png", "poison/training.png"],
}
FLAGS = [
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"),
    *("disable-component-update", "disable-sync"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory, dd):
    """The report of a scale of seconds, in a checkout of its own."""

    def make(folder):
        _make_report(checkout(folder, linked=True), dd)

    return made_once(tmp_path_factory, "report", make) / "report.html"


def _make_report(folder, dd):
    (folder / "tiny.yaml").write_text(yaml.dump(TINY))
    # that of the workflow takes minutes
    small = ("--dimension=2", "--sizes=1,2", "--problems=1", "--meta-steps=5")
    assert dd("linear-case", *small, "--out", folder / "results/tiny/linear/linear_case.csv").returncode == 0
    made = ("--report", "report.html", "--report-after-run")
    done = snakemake("--configfile", "tiny.yaml", *made, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", params=[(1400, 900), (390, 844)], ids=["desktop", "phone"])
def chromium_of_a_size(request, tmp_path_factory):
    """Chromium on a desktop and on a phone, shared by all tests."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra: dev)")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no Chromium to open the report in (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in [*FLAGS, f"user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as opened:
        width, height = request.param
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        opened.width = width
        yield opened


@pytest.fixture
def chromium(chromium_of_a_size):
    """Chromium for one test, in which no page may have an error on its console."""
    chromium_of_a_size.get_log("browser")  # what another test left there
    yield chromium_of_a_size
    assert [entry for entry in chromium_of_a_size.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.fixture
def browser(chromium, report):
    """Chromium with the report open."""
    chromium.get(report.as_uri())
    return chromium


def show(browser, path):
    """Open a result as its button does, and wait until it is seen."""
    from selenium.webdriver.support.ui import WebDriverWait

    name = browser.execute_script("return Object.keys(results).find((path) => path.endsWith(arguments[0]))", path)
    kind = "html" if path.endswith("html") else "img"
    view = "app.setView({content: arguments[0], contentPath: results[arguments[1]].data_uri, resultPath: arguments[1]})"
    browser.execute_script(view, kind, name)
    # not what was shown before; a picture is complete once it is decoded
    shown = "return [...document.querySelectorAll('iframe, img')].find((seen) => "
    shown += "seen.src === results[arguments[0]].data_uri && seen.complete !== false)"
    return WebDriverWait(browser, 10).until(lambda b: b.execute_script(shown, name))


SIDEWAYS = """
const scrolls = (part) => ["auto", "scroll"].includes(getComputedStyle(part).overflowX)
return [...document.querySelectorAll("#app *")].filter((part) => scrolls(part) && part.scrollWidth > part.clientWidth)
"""


def fits(browser):
    """Whether nothing has to be scrolled sideways: neither the page nor, on a phone, a part of it."""
    whole = browser.execute_script("return document.documentElement.scrollWidth") <= browser.width
    return whole and (browser.width > 600 or browser.execute_script(SIDEWAYS) == [])


def test_it_opens_without_an_error_and_everything_is_listed(browser):
    from selenium.webdriver.common.by import By

    found = browser.execute_script("return categories")
    listed = {category: sorted(p for paths in sub.values() for p in paths) for category, sub in found.items()}
    assert list(listed) == list(RESULTS)
    for category, endings in RESULTS.items():
        assert all(path.endswith(end) for path, end in zip(listed[category], endings, strict=True)), listed
    assert list(found["Training"]) == ["experiments", "points of curves"]
    captions = browser.execute_script("return Object.values(results).map((result) => [result.caption, result.labels])")
    assert all(caption and labels for caption, labels in captions)
    menu = browser.find_element(By.TAG_NAME, "nav").text.split("\n")
    assert menu[menu.index("RESULTS" if "RESULTS" in menu else "Results") + 1] == "Comparison"
    browser.find_element(By.LINK_TEXT, "Statistics").click()
    browser.find_element(By.ID, "runtimes")
    assert fits(browser)


def test_the_first_page_has_picture_verdicts_and_links_above_the_job_graph(browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    picture = browser.find_element(By.CSS_SELECTOR, ".prose img")
    width = "return arguments[0].naturalWidth"
    assert WebDriverWait(browser, 10).until(lambda b: b.execute_script(width, picture) > 300)
    heads = [head.text for head in browser.find_elements(By.CSS_SELECTOR, ".prose table.verdicts th")]
    assert heads[0] == "where"
    assert heads[-1] == "supported"
    places = [browser.find_element(By.CSS_SELECTOR, name).rect for name in (".prose", "#rulegraph")]
    assert places[0]["y"] + places[0]["height"] <= places[1]["y"]
    assert fits(browser)
    links = [link.text for link in browser.find_elements(By.CSS_SELECTOR, ".prose li a")]
    assert {"measured beside reported", "one", "poison", "fig2a", "table1"} <= set(links)
    browser.find_element(By.LINK_TEXT, "poison").click()
    frame = WebDriverWait(browser, 10).until(lambda b: b.find_element(By.TAG_NAME, "iframe"))
    browser.switch_to.frame(frame)
    WebDriverWait(browser, 10).until(lambda b: "poison: 10 distilled images" in b.find_element(By.TAG_NAME, "h1").text)
    assert browser.execute_script("return [...document.images].every((image) => image.naturalWidth > 300)")
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_the_report_of_a_part_is_whole(report):
    done = snakemake("fig2a", "--configfile", "tiny.yaml", "--report", "part.html", cwd=report.parent)
    assert done.returncode == 0, done.stderr
    page = (report.parent / "part.html").read_text()
    assert "fig2a.png" in page
    assert "compare.html" not in page
    assert "System Message" not in page  # what is said at the front of what is not in it


def test_every_picture_is_seen(browser):
    assert_seen(browser, RESULTS["Figures"] + RESULTS["Training"])


def test_the_demos_report(chromium):
    demo = ROOT / "results/demo/report.html"
    if not demo.exists():
        pytest.skip("make demo has not run here")
    chromium.get(demo.as_uri())
    listed = chromium.execute_script("return Object.keys(results)")
    assert len(listed) > 20
    assert_seen(chromium, [path for path in listed if path.endswith(".png")])
    for path in listed:
        if path.endswith(".html"):
            chromium.switch_to.frame(show(chromium, path))
            assert chromium.execute_script("return document.documentElement.scrollWidth <= innerWidth"), path
            chromium.switch_to.default_content()


def assert_seen(browser, pictures):
    """Each is drawn, whole, on the screen."""
    for path in pictures:
        picture = show(browser, path)
        assert picture.is_displayed()
        assert browser.execute_script("return arguments[0].naturalWidth", picture) > 300
        left, right = picture.rect["x"], picture.rect["x"] + picture.rect["width"]
        assert 0 <= left < right <= browser.width
    assert fits(browser)


def test_pages_can_be_read_and_tables_sorted(browser):
    from selenium.webdriver.common.by import By

    browser.switch_to.frame(show(browser, "configuration.html"))
    assert "meta_steps: 4" in browser.find_element(By.TAG_NAME, "pre").text
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    browser.switch_to.default_content()
    browser.switch_to.frame(show(browser, "table1.html"))
    assert "Ours, fixed init" in browser.find_element(By.TAG_NAME, "table").text
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    browser.switch_to.default_content()
    browser.switch_to.frame(show(browser, "compare.html"))
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert "Nothing at scale tiny is a number of the paper" in browser.find_element(By.TAG_NAME, "li").text
    numbers = browser.find_elements(By.TAG_NAME, "table")[2]
    if browser.width < 600:  # a paragraph a row, every cell whole and with the head of its column
        right = "return Math.max(...[...document.querySelectorAll('td')].map((td) => td.getBoundingClientRect().right))"
        assert browser.execute_script(right) <= browser.width
        said = "return getComputedStyle(arguments[0].tBodies[0].rows[0].cells[3], '::before').content"
        assert "paper, %" in browser.execute_script(said, numbers)
        return
    head = next(th for th in numbers.find_elements(By.TAG_NAME, "th") if th.text == "paper, %")
    column = "return [...arguments[0].tBodies[0].rows].map((row) => parseFloat(row.cells[3].textContent))"
    browser.execute_script("arguments[0].scrollIntoView({inline: 'center'})", head)
    for turned in (False, True):
        head.click()
        values = browser.execute_script(column, numbers)
        assert len(values) == len(NUMBERS)
        assert values == sorted(values, reverse=turned)


def test_every_scale_is_compared_with_reasons_for_what_it_lacks():
    for scale in ([], ["workflow/scales/laptop.yaml"], ["workflow/scales/demo.yaml"]):
        files = [word for name in scale for word in ("--configfile", name)]
        done = snakemake("compare", "--dry-run", "--forceall", "--printshellcmds", *files)
        assert done.returncode == 0, done.stdout + done.stderr
        (command,) = (line for line in done.stdout.splitlines() if "-m dd compare" in line)
        assert "--measured fig2a results/" in command
        assert "--measured linear_case results/" in command
        assert ("--not-run fig1 'svhn → mnist' 'SVHN cannot be had offline'" in command) == ("laptop" in command)


@pytest.mark.parametrize(
    ("overlay", "named"),
    [
        ("not_run: {fig6: {svhn: offline}}", "not_run.fig6: the paper has no 'svhn' there. It has table1: mnist"),
        ("not_run: {fig9: {mnist: offline}}", "not_run.fig9: there is no 'fig9'. The paper has table1: mnist"),
        ("not_run: {fig6: offline}", "config: not_run.fig6"),
    ],
)
def test_reasons_for_what_the_paper_has_not_are_refused(tmp_path, overlay, named):
    (tmp_path / "wrong.yaml").write_text(overlay)
    done = snakemake("--dry-run", "--configfile", str(tmp_path / "wrong.yaml"))
    assert done.returncode != 0
    assert named in done.stderr + done.stdout
