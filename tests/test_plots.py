"""What the pictures show is read back from the figure: data, labels, scales, and that nothing overlaps."""

import copy
import itertools
import pickle
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from alike import for_each
from matplotlib.colors import to_rgb
from matplotlib.dates import AutoDateLocator

from nnfw import Dense, Network, plots
from nnfw.forecasting import Forecast
from nnfw.schedules import Cosine, CosineRestarts, OneCycle, Step, Warmup

NAN = float("nan")


class Run(dict):
    """Stands for a History: lists by name, and the numbers of the epochs."""

    def __init__(self, first=1, **values):
        super().__init__(values)
        self.epoch = list(range(first, first + len(values["loss"])))


@pytest.fixture
def run():
    rng = np.random.default_rng(3)
    names = ("loss", "val_loss", "accuracy", "val_accuracy", "learning_rate")
    return Run(**{name: list(rng.uniform(0.2, 0.9, 30)) for name in names})


def panels(figure):
    return {axes.get_ylabel(): axes for axes in figure.axes}


def curves(axes):
    return {line.get_label(): line for line in axes.lines}


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def inside(figure, artists):
    """Tell whether all artists lie on the paper."""
    figure.draw_without_rendering()
    boxes = [artist.get_window_extent() for artist in artists]
    paper = figure.bbox
    return all(b.x0 >= paper.x0 and b.y0 >= paper.y0 and b.x1 <= paper.x1 and b.y1 <= paper.y1 for b in boxes)


# --- history -----------------------------------------------------------------------------------------------


def test_history_shows_every_quantity(run):
    figure = plots.history(run)
    assert list(panels(figure)) == ["loss", "accuracy", "learning rate"]
    for name in ("loss", "accuracy"):
        shown = curves(panels(figure)[name])
        for label, key in (("training", name), ("validation", f"val_{name}")):
            np.testing.assert_array_equal(shown[label].get_xdata(), run.epoch)
            np.testing.assert_array_equal(shown[label].get_ydata(), run[key])
        looks = {(line.get_color(), str(line._dash_pattern)) for line in shown.values()}
        assert len(looks) == 3
    rate = panels(figure)["learning rate"].lines[0]
    np.testing.assert_array_equal(rate.get_ydata(), run["learning_rate"])
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}


@pytest.mark.slow
def test_history_marks_what_was_restored_or_names_what_is_marked(run):
    def best(history):
        found = {
            (label, line.get_xdata()[0])
            for axes in plots.history(history).axes
            for label, line in curves(axes).items()
            if "epoch" in label
        }
        (place,) = found
        return place

    run["val_loss"][7], run["loss"][11], run["val_loss"][4] = 0.01, 0.001, NAN
    assert best(run) == ("lowest val_loss: epoch 8", 8)
    assert best(Run(first=51, **run)) == ("lowest val_loss: epoch 58", 58)
    assert best({"loss": run["loss"]}) == ("lowest loss: epoch 12", 12)
    run["val_loss"][:] = [NAN] * 30
    assert best(run) == ("lowest loss: epoch 12", 12)
    run["val_loss"][3] = 0.5  # alone it is no minimum
    assert best(run) == ("lowest loss: epoch 12", 12)
    run.restored = 21
    assert best(run) == ("restored: epoch 21", 21)
    shifted = Run(first=51, **run)
    shifted.restored = 71
    assert best(shifted) == ("restored: epoch 71", 71)


@pytest.mark.slow
def test_history_has_one_legend_without_repetitions(run):
    figure = plots.history(run)
    assert legend(figure)[:2] == ["training", "validation"]
    assert len(legend(figure)) == 3
    assert inside(figure, figure.legends)
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(figure.legends[0].get_window_extent().overlaps(box) for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.slow
def test_history_shows_the_learning_rate_only_if_it_changes(run):
    run["learning_rate"] = [0.1] * 30
    assert list(panels(plots.history(run))) == ["loss", "accuracy"]
    run["learning_rate"][3] = NAN
    assert list(panels(plots.history(run))) == ["loss", "accuracy"]
    run["learning_rate"][4] = 0.05
    assert list(panels(plots.history(run))) == ["loss", "accuracy", "learning rate"]


@pytest.mark.slow
def test_history_keeps_a_validation_that_has_no_training(run):
    run["val_f1_score"] = run.pop("accuracy")
    assert list(panels(plots.history(run))) == ["loss", "val accuracy", "val f1 score", "learning rate"]


@pytest.mark.parametrize(
    ("loss", "scale"),
    [
        ([1.0, 0.011], "linear"),
        ([1.0, 0.009], "log"),
        ([1.0, 0.009, 0.0], "linear"),
        ([1.0, 0.009, -1.0], "linear"),
        ([1.0, 0.009, NAN], "log"),
        ([1.0, np.inf], "linear"),
    ],
)
@pytest.mark.slow
def test_history_takes_a_log_scale_for_more_than_two_decades(loss, scale):
    assert plots.history({"loss": loss}).axes[0].get_yscale() == scale
    assert plots.history({"accuracy": loss}).axes[0].get_yscale() == "linear"


def test_history_of_one_epoch_is_visible():
    figure = plots.history(Run(first=5, loss=[0.7], val_loss=[0.8], accuracy=[0.4], learning_rate=[0.1]))
    assert list(panels(figure)) == ["loss", "accuracy"]
    line = figure.axes[0].lines[0]
    assert (line.get_marker(), list(line.get_markevery())) == ("o", [True])
    assert figure.axes[0].get_xlim() == (4, 6)
    assert legend(figure) == ["training", "validation"]


def test_points_without_neighbours_are_marked():
    values = [NAN, 1.0, NAN, *[2.0] * 20, np.inf, 3.0]
    line = plots.history({"loss": values}).axes[0].lines[0]
    assert np.flatnonzero(line.get_markevery()).tolist() == [1, 24]
    assert np.isnan(line.get_ydata()[23])
    assert plots.history({"loss": [1.0] * 20}).axes[0].lines[0].get_marker() == "None"
    assert all(plots.history({"loss": [1.0, 0.5, 0.2]}).axes[0].lines[0].get_markevery())


def test_history_without_a_finite_value_is_drawn_empty():
    figure = plots.history({"loss": [NAN, np.inf], "val_loss": [NAN, NAN], "learning_rate": [NAN, NAN]})
    assert legend(figure) == ["training", "validation"]


def test_history_ticks_are_whole_epochs():
    axes = plots.history({"loss": [0.9, 0.5, 0.4]}).axes[0]
    assert all(tick == round(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize("epochs", [1, 2, 12, 30, 100, 1000])
@pytest.mark.parametrize("draw", [lambda y: plots.history({"loss": y}), lambda y: plots.lines({"a": y})])
def test_epochs_count_from_one(draw, epochs):
    axes = draw(np.linspace(1, 0.5, epochs)).axes[0]
    low, high = axes.get_xlim()
    assert epochs == 1 or next(tick for tick in axes.get_xticks() if low <= tick <= high) >= 1
    assert low < 1
    assert high > epochs


def test_curves_that_begin_at_zero_or_end_late_are_whole():
    axes = plots.lines({"from 0": (np.arange(50), np.ones(50))}).axes[0]
    plots.lines({"from 1": np.ones(300)}, ax=axes)
    assert axes.get_xlim()[0] < 0
    axes = plots.lines({"short": np.ones(50)}).axes[0]
    plots.lines({"long": np.ones(300)}, ax=axes)
    assert axes.get_xlim()[0] == 0.5
    assert axes.get_xlim()[1] > 300


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "rows", "columns"), [(1, 1, 1), (3, 1, 3), (4, 2, 2), (5, 2, 3), (7, 3, 3)]
)
def test_panels_fill_the_sheet(count, rows, columns):
    figure = plots.history({f"metric_{i}": [0.1, 0.2, 0.3] for i in range(count)})
    grid = figure.axes[0].get_subplotspec().get_gridspec()
    assert (len(figure.axes), grid.nrows, grid.ncols) == (count, rows, columns)


# --- schedules and lines -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_schedule_draws_the_schedule():
    schedule = Warmup(Cosine(0.1, 15), 5)
    (line,) = plots.schedule(schedule, 20).axes[0].lines
    x, y = line.get_data()
    assert (x[0], len(x)) == (0, 2000)
    assert 19.9 < x[-1] < 20
    np.testing.assert_array_equal(y, [schedule(e) for e in x])
    assert line.get_label().replace("\n", " ") == repr(schedule)


@pytest.mark.slow
def test_schedule_takes_several_and_whatever_get_takes():
    figure = plots.schedule({"ours": lambda e: 0.1 / (1 + e), "constant": 0.3}, epochs=4, log=True)
    assert legend(figure) == ["ours", "constant"]
    ours, constant = (line.get_ydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose(ours, 0.1 / (1 + np.arange(0, 4, 0.002)), rtol=1e-12)
    assert set(constant) == {0.3}
    assert figure.axes[0].get_yscale() == "log"
    assert len(plots.schedule([Step(0.1), Cosine(0.1, 9)], 9).axes[0].lines) == 2
    with pytest.raises(TypeError, match=r"^schedule: mine must be a number, or a schedule"):
        plots.schedule({"mine": "cosine"}, 4)


@pytest.mark.slow
def test_many_schedules_get_a_panel_each():
    many = [Cosine(i / 8, epochs=9) for i in range(1, 8)]
    figure = plots.schedule(many, 9)
    assert [axes.get_title() for axes in figure.axes] == [repr(one) for one in many]
    for axes, one in zip(figure.axes, many, strict=True):
        x, y = axes.lines[0].get_data()
        np.testing.assert_array_equal(y, [one(e) for e in x])
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("epoch", "learning rate")
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert len(plots.schedule(many[:6], 9).axes) == 1
    assert {axes.get_yscale() for axes in plots.schedule(many, 9, log=True).axes} == {"log"}


@pytest.mark.slow
def test_long_labels_stay_on_the_paper():
    restarts = [CosineRestarts(0.1, period, factor=2, end=0.00125, descent=0.25) for period in range(3, 8)]
    nested = [Warmup(schedule * 0.5, 5, start=0.0125, staircase=True) for schedule in restarts]
    figure = plots.schedule([*nested, OneCycle(0.1, 40)], 40)
    assert len(repr(nested[0])) > 100
    assert inside(figure, figure.legends)
    assert figure.axes[0].get_window_extent().height > 300 * figure.dpi / 200


@pytest.mark.slow
def test_lines_are_told_apart_by_colour_and_dash():
    figure = plots.lines({f"curve {i}": np.arange(4.0) + i for i in range(20)})
    looks = {(line.get_color(), str(line._dash_pattern)) for line in figure.axes[0].lines}
    assert len(looks) == 20
    first = figure.axes[0].lines[:4]
    assert len({line.get_color() for line in first}) == len({str(line._dash_pattern) for line in first}) == 4
    assert inside(figure, figure.legends)


def test_lines_take_values_or_points():
    x, y = np.array([16, 64.5, 256]), [0.5, 0.25, 0.75]
    figure = plots.lines({"values": (3.0, 4.0), "points": (x, y)}, xlabel="units", ylabel="ms", title="Time")
    values, points = figure.axes[0].lines
    assert (values.get_xdata().tolist(), values.get_ydata().tolist()) == ([1, 2], [3, 4])
    assert (points.get_xdata().tolist(), points.get_ydata().tolist()) == (x.tolist(), y)
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("units", "ms", "Time")


@pytest.mark.parametrize("labels", [[8, 16], range(7)])
def test_labels_may_be_numbers(labels):
    figure = plots.lines({units: [0.5, 0.4] for units in labels})
    assert legend(figure) == [str(units) for units in labels]
    figure = plots.schedule(dict.fromkeys(labels, 0.1), epochs=2)
    shown = legend(figure) if len(labels) < 7 else [axes.get_title() for axes in figure.axes]
    assert shown == [str(units) for units in labels]


def test_lines_over_dates():
    days = np.datetime64("2026-01-01") + np.arange(3)
    axes = plots.lines({"sales": (days, [3, 1, 2])}).axes[0]
    assert axes.lines[0].get_xdata().tolist() == days.tolist()
    assert isinstance(axes.xaxis.get_major_locator(), AutoDateLocator)


def test_lines_leave_out_what_a_log_scale_cannot_show():
    y = plots.lines({"loss": [1.0, 0.0, -1.0, 0.1]}, log=True).axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(y, [1.0, NAN, NAN, 0.1])


# --- forecast ----------------------------------------------------------------------------------------------


@for_each("column", [0, 1])
def test_forecast_shows_past_bands_mean_and_what_came(column):
    rng = np.random.default_rng(4)
    paths, past, came = rng.normal(size=(50, 6, 2)), rng.normal(size=(9, 3)), rng.normal(size=(8, 2))
    ahead = Forecast(paths.mean(axis=0), paths)
    axes = plots.forecast(ahead, history=past, truth=came, shares=(0.975, 0.5), column=column).axes[0]
    drawn = curves(axes)
    for label, x, y in (
        ("past", range(-8, 1), past[:, column]),
        ("forecast", range(1, 7), paths.mean(axis=0)[:, column]),
        ("observed", range(1, 7), came[:6, column]),
    ):
        np.testing.assert_array_equal(drawn[label].get_xdata(), x)
        np.testing.assert_array_equal(drawn[label].get_ydata(), y)
    assert [band.get_label() for band in axes.collections] == ["97.5% band", "50% band"]
    assert all(band.get_alpha() is None for band in axes.collections)  # each has the colour of its legend
    assert axes.collections[0].get_facecolor().mean() > axes.collections[1].get_facecolor().mean()
    for band, share in zip(axes.collections, (0.975, 0.5), strict=True):
        corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
        for q in ((1 - share) / 2, (1 + share) / 2):
            edge = np.quantile(paths[..., column], q, axis=0)
            assert corners >= set(zip(range(1, 7), edge, strict=True))


def test_forecast_names_shares_that_are_no_list():
    with pytest.raises(TypeError, match=r"forecast: shares must be a list, got 0\.8"):
        plots.forecast(Forecast(np.zeros(3)), shares=0.8)


# --- confusion matrix --------------------------------------------------------------------------------------


def confusion(classes, samples=200):
    rng = np.random.default_rng(classes)
    matrix = rng.integers(0, samples // classes + 2, (classes, classes))
    return matrix + np.diag(rng.integers(samples // 2, samples, classes))


def contrast(ink, paper):
    """Return the contrast ratio of the Web Content Accessibility Guidelines, from 1 to 21."""
    weights = (0.2126, 0.7152, 0.0722)
    dark, light = sorted(
        np.dot([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)], weights)
        for colour in (ink, paper)
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "samples"), [(2, 50_000), (10, 200), (20, 5000), (40, 99)])
def test_confusion_matrix_can_be_read(classes, samples):
    matrix = confusion(classes, samples)
    figure = plots.confusion_matrix(matrix)
    axes = figure.axes[0]
    shown = {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in axes.texts}
    expected = {place: str(n) for place, n in np.ndenumerate(matrix) if n or classes <= 10}
    assert {place: text.get_text() for place, text in shown.items()} == expected

    figure.draw_without_rendering()
    cell = axes.get_window_extent().width / classes
    image = axes.images[0]
    colours = image.to_rgba(image.get_array())
    for place, text in shown.items():
        assert contrast(text.get_color(), colours[place][:3]) > (3 if matrix[place] else 1.5)
    for text in sorted(axes.texts, key=lambda text: len(text.get_text()))[-5:]:
        box = text.get_window_extent()
        assert max(box.width, box.height) < cell
    assert axes.get_xlabel() == "predicted class"
    assert axes.get_ylabel() == "true class"


@pytest.mark.slow
def test_confusion_matrix_can_be_read_on_every_shade():
    for errors in range(1, 100, 5):
        axes = plots.confusion_matrix([[1000 - 10 * errors, 10 * errors], [errors, 1000 - errors]]).axes[0]
        colours = axes.images[0].to_rgba(axes.images[0].get_array()).reshape(4, 4)
        assert min(contrast(t.get_color(), c[:3]) for t, c in zip(axes.texts, colours, strict=True)) > 4


@pytest.mark.slow
def test_confusion_matrix_rows_are_the_true_classes():
    with pytest.raises(TypeError, match="no argument 'display_labels'; nnfw calls it labels"):
        plots.confusion_matrix(np.eye(3), display_labels=["a", "b", "c"])
    figure = plots.confusion_matrix([[8, 2, 0], [1, 3, 0], [0, 0, 0]], labels=["a", "b", "c"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["8", "2", "0", "1", "3", "0", "0", "0", "0"]
    rows = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(rows[:2], [[0.8, 0.2, 0], [0.25, 0.75, 0]])
    assert rows.mask.tolist() == [[False] * 3, [False] * 3, [True] * 3]
    normalized = plots.confusion_matrix([[8, 2, 0], [1, 2, 0], [0, 0, 0]], normalize=True)
    texts = [text.get_text() for text in normalized.axes[0].texts]
    assert texts == ["80", "20", "0", "33.3", "66.7", "0", "0", "0", "0"]
    assert normalized.axes[0].get_title() == "% of each true class"


def cell_colours(figure):
    image = figure.axes[0].images[0]
    return image.to_rgba(image.get_array())[..., :3]


@pytest.mark.slow
def test_confusion_matrix_shows_few_errors_beside_many_hits():
    colours = cell_colours(plots.confusion_matrix([[1_000_000, 500, 0], [500, 100, 0], [0, 0, 0]]))
    white, grey = colours[0, 2], colours[2, 0]
    assert white.tolist() == [1, 1, 1]
    assert contrast(colours[0, 1], white) > 1.2
    assert contrast(colours[1, 0], white) > 4  # five of six are wrong
    np.testing.assert_array_equal(colours[2], [grey] * 3)
    assert len(set(grey)) == 1
    assert contrast(grey, white) > 1.2
    one = cell_colours(plots.confusion_matrix([[10**9, 1], [0, 1]]))
    assert contrast(one[0, 1], one[1, 0]) > 1.2


@pytest.mark.slow
def test_confusion_matrix_colours_do_not_depend_on_how_frequent_a_class_is():
    matrix = np.array([[90, 10], [20, 80]])
    same = cell_colours(plots.confusion_matrix(matrix * [[10_000], [1]]))
    np.testing.assert_allclose(same, cell_colours(plots.confusion_matrix(matrix)))
    np.testing.assert_allclose(same, cell_colours(plots.confusion_matrix(matrix, normalize=True)))


@pytest.mark.slow
def test_confusion_matrix_leaves_out_numbers_that_cannot_be_read():
    many = plots.confusion_matrix(confusion(100), labels=[f"species {k}" for k in range(100)]).axes[0]
    assert not many.texts
    assert [label.get_text() for label in many.get_yticklabels()] == [
        f"species {k}" for k in range(0, 100, 4)
    ]
    assert many.get_yticks().tolist() == list(range(0, 100, 4))
    assert not len(many.xaxis.get_minor_ticks())
    large = confusion(26) * 10**6  # nine digits in a quarter of an inch
    assert not plots.confusion_matrix(large).axes[0].texts
    assert plots.confusion_matrix(large, normalize=True).axes[0].texts


@pytest.mark.slow
@pytest.mark.parametrize("classes", [100, 1000])
def test_confusion_matrix_of_many_classes_is_an_image_with_few_labels(classes):
    figure = plots.confusion_matrix(confusion(classes, samples=2 * classes))
    axes = figure.axes[0]
    assert len(axes.findobj()) < 500  # each takes time: a million numbers took minutes
    assert len(axes.get_xticks()) == len(axes.get_yticks()) < 50
    assert max(figure.get_size_inches()) * 200 < 1700  # pixels


@pytest.mark.slow
def test_confusion_matrix_labels_stand_at_their_rows_and_columns():
    axes = plots.confusion_matrix(confusion(3), labels=["setosa", "versicolor", 3]).axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["setosa", "versicolor", "3"]
    assert axes.get_xticklabels()[0].get_rotation() == 90
    assert plots.confusion_matrix(confusion(3)).axes[0].get_xticklabels()[0].get_rotation() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "label"),
    [
        *itertools.product([1, 2, 6], [None, "atrial fibrillation", "a very long class name here", "a\nb"]),
        *[(2, "x" * 90), (16, "x" * 90), (16, None)],
    ],
)
def test_confusion_matrix_has_room_for_its_labels(classes, label):
    labels = None if label is None else [label, *"ok" * classes][:classes]
    for normalize in (False, True):
        figure = plots.confusion_matrix(confusion(classes), labels=labels, normalize=normalize)
        axes = figure.axes[0]
        titles = [axes.xaxis.label, axes.yaxis.label, *[axes.title] * normalize]
        names = [*axes.get_xticklabels(), *axes.get_yticklabels()]
        assert inside(figure, titles + names)
        assert axes.get_window_extent().width / classes / figure.dpi > 0.25
        for title in titles[:2]:
            assert not any(title.get_window_extent().overlaps(name.get_window_extent()) for name in names)


@pytest.mark.slow
def test_confusion_matrix_takes_the_path_as_all_pictures_do(tmp_path):
    plots.confusion_matrix(confusion(6), tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").exists()


# --- saving, and leaving no trace --------------------------------------------------------------------------

DRAWERS = {
    "history": lambda path=None: plots.history({"loss": [0.9, 0.5]}, path),
    "schedule": lambda path=None: plots.schedule(Step(0.1), 20, path),
    "lines": lambda path=None: plots.lines({"GRU": [0.9, 0.5]}, path),
    "confusion_matrix": lambda path=None: plots.confusion_matrix([[3, 1], [0, 4]], path),
}
every = pytest.mark.parametrize("draw", DRAWERS.values(), ids=list(DRAWERS))


@pytest.mark.slow
@every
def test_is_saved_and_changes_no_setting(draw, tmp_path):
    with matplotlib.rc_context({"font.size": 17.0, "axes.grid": False, "savefig.dpi": 55.0}):
        before = copy.deepcopy(dict(matplotlib.rcParams))
        figure = draw(tmp_path / "picture.png")
        assert dict(matplotlib.rcParams) == before
    head = (tmp_path / "picture.png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = (int.from_bytes(head[i : i + 4], "big") for i in (16, 20))
    np.testing.assert_allclose([width, height], figure.get_size_inches() * 200, atol=1)


@pytest.mark.slow
def test_saves_by_the_ending(tmp_path):
    draw = DRAWERS["lines"]
    draw(str(tmp_path / "picture.SVG"))
    assert ElementTree.parse(tmp_path / "picture.SVG").getroot().tag.endswith("svg")
    draw(tmp_path / "picture.pdf")
    pdf = (tmp_path / "picture.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf.replace(b" ", b"")


@every
@pytest.mark.slow
def test_a_path_that_cannot_be_written_is_explained(draw, tmp_path):
    for name in ("picture.jpg", "picture"):
        with pytest.raises(ValueError, match=r"must end in \.png, \.svg or \.pdf, got .*picture"):
            draw(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        draw(tmp_path / "nowhere" / "picture.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@every
def test_shows_itself_in_a_notebook_and_can_be_kept(draw):
    figure = draw()
    assert figure._repr_mimebundle_()[0]["image/png"].startswith(b"\x89PNG")
    assert pickle.loads(pickle.dumps(figure))._repr_mimebundle_() == figure._repr_mimebundle_()


@pytest.mark.subprocess
@pytest.mark.slow
def test_matplotlib_waits_for_a_picture_and_pyplot_is_never_imported():
    code = (
        "import sys; from nnfw import plots; assert 'matplotlib' not in sys.modules;"
        "plots.lines({'a': [1, 2]})._repr_mimebundle_(); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@for_each(
    ("draw", "message"),
    [
        (lambda: plots.history({}), "no epoch yet; call fit first"),
        (lambda: plots.history({"loss": []}), "no epoch yet; call fit first"),
        (lambda: plots.history({"loss": [1, 2], "val_loss": [1]}), "must have same first dimension"),
        (lambda: plots.lines({}), "no curve to draw"),
        (lambda: plots.lines({"GRU": ([1, 2], [1, 2, 3])}), "'GRU' needs one x per y"),
        (lambda: plots.lines({"GRU": np.ones((2, 2))}), "'GRU' needs one x per y"),
        (
            lambda: plots.confusion_matrix([0, 1]),
            "shape (2,); nnfw.metrics.ConfusionMatrix()(y, network.predict",
        ),
        (
            lambda: plots.forecast(Forecast(np.zeros((6, 2))), column=9),
            "forecast: column of ahead must be from 0 to 1, got 9",
        ),
        (lambda: plots.confusion_matrix([[1, 2]]), "must be square, got shape (1, 2)"),
        (lambda: plots.confusion_matrix(np.ones((0, 0))), "must be square, got shape (0, 0)"),
        (lambda: plots.confusion_matrix([[1, -1], [0, 1]]), "finite and >= 0"),
        (lambda: plots.confusion_matrix([[1, NAN], [0, 1]]), "finite and >= 0"),
        (lambda: plots.confusion_matrix([[1, np.inf], [0, 1]]), "finite and >= 0"),
        (lambda: plots.confusion_matrix([[1, 0], [0, 1]], labels=["a"]), "each of the 2 classes, got 1"),
    ],
)
def test_errors_teach(draw, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is compared below
        draw()
    assert message in str(raised.value)


@for_each(
    ("draw", "message"),
    [
        (lambda: plots.confusion_matrix([[1]], labels=2), "labels must be a list of names, got 2"),
        (lambda: plots.confusion_matrix([[1]], normalize="true"), "normalize must be True or False"),
        (lambda: plots.lines([0.5, 0.4]), "curves must be a dict of curves by their labels, got \\[0.5"),
    ],
)
def test_arguments_of_another_kind_are_named(draw, message):
    with pytest.raises(TypeError, match=message):
        draw()


def test_a_network_is_no_history():
    with pytest.raises(
        TypeError, match=r"history must be a History, .* got Network\(.*; network\.history is"
    ):
        plots.history(Network([Dense(1)]))
