"""bench.html: its plots as data, its text, and how Chromium shows it."""

from __future__ import annotations

import colorsys
import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bench_report import PEERS, report

from gencpp.bench import options, page, plots

SCRIPT = "const Plotly = { react() {} };"


def test_every_part_of_a_report_has_its_plot() -> None:
    titles = [p.title for p in plots.project_plots(report(), "sample")]
    assert titles == [
        "How many times faster the C++ program is",
        "Latency, batch 1, 2 threads",
        "Latency, batch 8, 2 threads",
        "Throughput over the batch, 2 threads",
        "From a picture's bytes to the best classes",
        "Peak memory",
        "Start-up",
        "Growth with the batch",
        "Memory over loads of the model",
        "Memory over runs with inputs of other sizes each time",
    ]


def test_plots_hold_the_figures() -> None:
    by_title = {p.title: p for p in plots.project_plots(report(), "sample")}
    speed = by_title["How many times faster the C++ program is"]
    eager, values = speed.data[0], speed.data[-1]
    assert eager["name"] == "eager" and eager["y"] == ["eager, batch 1", "eager, batch 8"]
    assert [b + x for b, x in zip(eager["base"], eager["x"], strict=True)] == [2, 2]
    assert values["y"] == [f"{peer}, batch {n}" for n in (1, 8) for peer in ("eager", "onnxruntime")]
    assert [text.strip() for text in values["text"]] == ["2.0x", "0.80x", "2.0x", "0.80x"]
    assert speed.note.startswith("2 threads. By p50; right of 1 the C++ program is faster.")
    latency = by_title["Latency, batch 8, 2 threads"]
    assert {t["name"] for t in latency.data} == set(PEERS)
    assert latency.data[0]["x"][0] == 16.0 and latency.data[0]["y"][-1] == 100
    assert by_title["Growth with the batch"].note == "Worse than linear: a sentence on batch."
    start = by_title["Start-up"]
    assert [t["x"] for t in start.data] == [[0.5], [1.0], [0.4]]
    stages = by_title["From a picture's bytes to the best classes"].data[0]
    assert (stages["y"][-1], stages["x"]) == ("all", [0.5, 0.5, 0.5, 0.5, 2.0])


def every_plot() -> list[plots.Plot]:
    two, single = report("one", "two"), report()
    single["runs"] = [r for r in single["runs"] if r["batch"] == 1]
    single["ratios"] = [r for r in single["ratios"] if r["batch"] == 1]
    together = plots.overview(two)
    assert together is not None
    return [together, *plots.project_plots(two, "one"), *plots.project_plots(single, "sample")]


def test_every_bar_has_its_value() -> None:
    bars = 0
    for plot in every_plot():
        beside = {
            y: text
            for t in plot.data
            if t["meta"] == "text"
            for y, text in zip(t["y"], t["text"], strict=True)
        }
        for trace in (t for t in plot.data if t["type"] == "bar"):
            texts = trace.get("text") or [beside[y] for y in trace["y"]]
            values = trace.get("customdata") or trace["x"]
            assert len(texts) == len(values) == len(trace["y"])
            for text, value in zip(texts, values, strict=True):
                assert float(text.strip().rstrip("x")) == pytest.approx(value, rel=0.06), plot.title
                bars += 1
    assert bars > 20


def test_a_subject_has_one_colour_and_a_colour_one_subject() -> None:
    """In all plots, light and dark: a series is coloured by its subject, and by nothing else."""
    used = {}
    for plot in every_plot():
        for trace in plot.data:
            if trace["meta"] != "text":
                assert used.setdefault(trace["name"], trace["meta"]) == trace["meta"], plot.title
    assert used == {name: name for name in PEERS}
    style = page.render(report(), SCRIPT)
    for scheme in style.split("@media")[:2]:
        colours = dict(re.findall(r"--c-([\w-]+): (#\w{6});", scheme))
        assert set(colours) == {"cpp", *options.PEERS}
        hues = sorted(hue(colour) for colour in colours.values())
        apart = [b - a for a, b in zip(hues, [*hues[1:], hues[0] + 360], strict=True)]
        assert min(apart) >= 15, colours


def hue(colour: str) -> float:
    """In degrees."""
    red, green, blue = (part / 255 for part in bytes.fromhex(colour[1:]))
    return 360 * colorsys.rgb_to_hls(red, green, blue)[0]


def test_one_setting_is_bars_and_a_project_without_peers_or_pictures_still_has_a_page() -> None:
    bare = report()
    bare["runs"] = [r for r in bare["runs"] if r["subject"] == "c++" and r["batch"] == 1]
    bare["start"] = bare["start"][:1]
    bare |= {"ratios": [], "stages": [], "growth": []}
    titles = [p.title for p in plots.project_plots(bare, "sample")]
    assert titles == [
        *("Latency, batch 1, 2 threads", "Throughput, batch 1, 2 threads", "Peak memory", "Start-up"),
    ]
    assert "sample in C++ on LibTorch takes 2 ms a run (batch 1, 2 threads, cpu)." in page.render(
        bare, SCRIPT
    )


def test_a_curve_that_failed_is_told() -> None:
    lost = report()
    lost["growth"][0]["failed"] = {"loads": "sample, c++: out of memory"}
    told = "how it grows with loads could not be measured: sample, c++: out of memory"
    assert told in page.render(lost, SCRIPT) and told not in page.render(report(), SCRIPT)


def test_the_overview_is_for_several_projects() -> None:
    assert plots.overview(report()) is None
    together = plots.overview(report("one", "two"))
    assert together is not None and together.data[0]["y"] == ["one: eager", "two: eager"]


@pytest.mark.parametrize(("values", "ticks"), [([0.4, 3], [0.5, 1, 2]), ([1e-3, 2e4], [0.001, 1, 10000])])
def test_logarithmic_axes_have_round_ticks(values: list[float], ticks: list[float]) -> None:
    axis = plots.logarithmic(values)
    assert set(ticks) <= set(axis["tickvals"])
    assert len([t for t in axis["tickvals"] if min(values) <= t <= max(values)]) <= 10


def test_the_page_says_where_what_and_what_was_skipped() -> None:
    text = page.render(report(), SCRIPT)
    assert "A processor &lt;with&gt; &amp; signs, 2 cores, 8 GiB" in text
    assert "openvino was not measured: openvino is not installed: pip install openvino" in text
    assert "figures of a busy machine" in text
    assert "Processes of 1 thread: on processor 0; 2 threads: on all 2 processors." in text
    assert "artifact: fused, chosen by measuring (script, frozen)" in text
    told = "sample in C++ on LibTorch is 2.0 times faster than eager and 1.2 times slower than onnxruntime"
    assert f'<p class="headline">{told}: 2 ms a run (batch 1, 2 threads, cpu).</p>' in text


def test_the_page_says_when_by_what_and_how() -> None:
    text = page.render(report(), SCRIPT)
    assert "Measured on 2026-11-30 23:58 UTC by gencpp 0.0: <code>" in text
    words = re.findall(r"<span>(.*?)</span>", text)
    assert words == ["gencpp", "bench", "sample", "--batch", "1,8", "--path", "&#39;&lt;b&gt;&#39;"]


def test_what_is_packed_is_unpacked() -> None:
    """By the page's own rule, and by nothing that HTML could take for its own."""
    script = "".join(map(chr, range(32, 127))) * 50 + "\xe9</script><!--"
    made = page.packed(script)
    assert (
        len(set(made.digits)) == 85 and not set("<>&") & set(made.digits) and not set("<>&") & set(made.text)
    )
    value = {digit: i for i, digit in enumerate(made.digits)}
    words = []
    for at in range(0, len(made.text), 5):
        word = 0
        for digit in made.text[at : at + 5]:
            word = word * 85 + value[digit]
        words.append(word.to_bytes(4, "big"))
    assert gzip.decompress(b"".join(words)[: made.length]).decode() == script


def test_the_page_needs_nothing_from_outside() -> None:
    text = page.render(report("one", "two"), SCRIPT)
    assert "default-src 'none'" in text
    assert not re.findall(r"""(?:src|href)\s*=|url\(|@import|https?:""", text)


def test_what_a_project_is_called_cannot_end_the_script() -> None:
    text = page.render(report("</script><b>"), SCRIPT)
    assert text.count("</script>") == 2 and "<b>" not in text


def test_the_page_is_below_2_mb() -> None:
    """With plotly in it, and far more figures than a usual report has."""
    if not page.available():
        pytest.skip(f"plotly is not installed: {page.INSTALL}")
    from plotly.offline import get_plotlyjs

    assert len(page.render(report("one", "two", "three"), get_plotlyjs()).encode()) < 2_000_000


# In a browser --------------------------------------------------------------------------------------------


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium on this machine (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not page.available():
        pytest.skip(f"plotly is not installed: {page.INSTALL}")
    file = tmp_path_factory.mktemp("page") / "bench.html"
    page.write(report("one", "two"), file)
    return file


def browse(file: Path, *arguments: str, quiet: bool = True) -> subprocess.CompletedProcess[str]:
    profile = file.parent / "profile"
    argv = [
        *(chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
        *("--enable-logging=stderr", f"--user-data-dir={profile}", "--virtual-time-budget=20000"),
        *arguments,
        file.as_uri(),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-6500:]
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not said or not quiet, said  # an error of the script, or what the page's policy refused
    return done


def test_chromium_draws_every_plot(shown: Path) -> None:
    dom = browse(shown, "--window-size=1280,900", "--dump-dom").stdout
    drawings = [plots.overview(report("one", "two"))]
    drawings += [p for name in ("one", "two") for p in plots.project_plots(report("one", "two"), name)]
    traces: list[dict[str, Any]] = [t for p in drawings if p for t in p.data]
    bars = sum(t["type"] == "bar" for t in traces)
    lines = sum(t["type"] == "scatter" for t in traces)
    assert bars > 20 and lines > 10
    assert len(re.findall(r'class="trace bars"', dom)) == bars
    assert len(re.findall(r'class="trace scatter [^"]*"', dom)) == lines
    labels = set(
        re.findall(r">\s*([\d.]+x?)</(?:text|tspan)>", dom.replace("\xa0", " ").replace("&nbsp;", " "))
    )
    wanted = {text.strip() for t in traces for text in t.get("text", ())}
    assert wanted and wanted <= labels
    assert len(re.findall(r'class="plot js-plotly-plot"', dom)) == len(drawings)


def asked_for(file: Path, log: Path) -> set[str]:
    """What a page, not the browser itself, asked the network for."""
    browse(file, f"--log-net-log={log}", "--dump-dom", quiet=False)
    found = set()
    for line in log.read_text(errors="replace").splitlines():
        if '"initiator":"' in line and '"initiator":"not an origin"' not in line:
            found.update(re.findall(r'"url":"((?:http|ws)[^"]*)"', line))
    return found


def test_chromium_asks_nobody_for_anything(shown: Path, tmp_path: Path) -> None:
    control = tmp_path / "control.html"
    control.write_text(
        '<img src="http://control.invalid/x"><script>fetch("http://script.invalid/y")</script>'
    )
    assert asked_for(control, tmp_path / "control.json") == {
        *("http://control.invalid/x", "http://script.invalid/y"),
    }
    assert not asked_for(shown, tmp_path / "net.json")


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (420, "dark"),
        (1280, "light"),
        *(
            pytest.param(*view, marks=pytest.mark.full("the page's other two views"))
            for view in ((420, "light"), (1280, "dark"))
        ),
    ],
)
def test_a_screenshot_has_the_plots_colours(shown: Path, tmp_path: Path, width: int, scheme: str) -> None:
    from PIL import Image

    picture = tmp_path / "page.png"
    # A headless window is at least 500 wide, so the page is put into a frame of the width asked for.
    frame = shown.with_name(f"frame-{width}.html")
    frame.write_text(
        f'<body style="margin:0"><iframe src="{shown.name}" width="{width}" height="6500" '
        'style="border:0"></iframe>'
    )
    number = {"dark": 0, "light": 1}[scheme]
    browse(
        *(frame, f"--window-size={max(width, 500)},6500", f"--screenshot={picture}"),
        f"--blink-settings=preferredColorScheme={number}",
    )
    with Image.open(picture) as opened:
        image = opened.convert("RGB").crop((0, 0, width, 6500))
    found = {colour: count for count, colour in image.getcolors(1 << 24)}
    style = page.render(report(), SCRIPT)
    variables = dict(re.findall(r"--([\w+-]+): (#\w{6});", style.split("@media")[scheme == "dark"]))
    for subject in ("cpp", "eager", "onnxruntime", "page", "card"):
        wanted = variables[subject if subject in ("page", "card") else f"c-{subject}"]
        rgb = tuple(bytes.fromhex(wanted[1:]))
        assert found.get(rgb, 0) > 200, f"{subject}: nothing in {wanted} at {width} px, {scheme}"
    # Nothing sticks out to the right: the outermost columns are the page's own colour.
    page_colour = tuple(bytes.fromhex(variables["page"][1:]))
    edge = image.crop((width - 8, 0, width, 6500)).getcolors(1 << 16)
    assert edge is not None and {colour for _, colour in edge} == {page_colour}


def test_a_report_is_json_that_reads_back() -> None:
    assert json.loads(json.dumps(report(), allow_nan=False)) == report()
