"""Forecasts against loops by hand over predict and stream, and backtests against their definitions."""

from dataclasses import replace

import numpy as np
import pytest
from alike import for_each
from memory import peak

from nnfw import GRU, Adam, Dense, Embedding, Flatten, Network, NonFiniteError, RepeatVector, ShapeError
from nnfw.data import sliding_windows
from nnfw.datasets import load_el_nino
from nnfw.forecasting import Forecast, autoregression, backtest, forecast
from nnfw.losses import GaussianNLL, MixtureDensity, Quantile

RNG = np.random.default_rng(0)
WAVE = np.sin(np.arange(150) / 3) + 0.1 * RNG.normal(size=150)
SEASON = np.column_stack([np.cos(np.arange(150) / 3), np.arange(150) / 150])
SERIES = np.column_stack([WAVE, SEASON])
T, STEPS = 10, 7


def fitted(layers, x, y, **options):
    network = Network(layers, **({"optimizer": Adam(0.01), "seed": 0} | options))
    network.fit(x, y, epochs=3, verbose=0)
    return network


def of_windows(K=1, series=SERIES, horizon=1, **options):
    x, y = sliding_windows(series, T, horizon=horizon, targets=WAVE)
    return fitted([GRU(6), Dense(K)], x, y, **options)


def of_sequences(K=1, **options):
    return fitted(
        [GRU(6, return_sequences=True), Dense(K)], SERIES[None, :-1], WAVE[None, 1:, None], **options
    )


# ---- forecasts ------------------------------------------------------------------------------------------


def test_windows_are_forecast_as_by_a_loop_over_predict_bit_for_bit():
    network, past = of_windows(), SERIES[90:100]
    expected = []
    for step in range(STEPS):
        y = network.predict(past[None])[0, 0]
        expected.append(y)
        past = np.vstack([past[1:], [y, *SEASON[100 + step]]])
    found = forecast(network, SERIES[90:100], STEPS, exogenous=SEASON[100:107])
    assert found.mean[:, 0].tolist() == np.float64(expected).tolist()
    assert found.paths is None


@pytest.mark.slow
def test_sequences_are_forecast_as_by_a_loop_over_a_stream_bit_for_bit():
    network = of_sequences()
    stream, expected = network.stream(), []
    for row in SERIES[:100]:
        y = stream.step(row)
    for step in range(STEPS):
        expected.append(y[0])
        y = stream.step([y[0], *SEASON[100 + step]])
    found = forecast(network, SERIES[:100], STEPS, exogenous=SEASON[100:107])
    assert found.mean[:, 0].tolist() == np.float64(expected).tolist()


@for_each(
    "layers",
    [
        [GRU(6), Dense(STEPS)],
        [GRU(6), RepeatVector(STEPS), GRU(4, return_sequences=True), Dense(1), Flatten()],
        [GRU(6, return_sequences=True), Dense(STEPS)],
        [GRU(6), Dense(2 * STEPS)],
    ],
)
def test_all_steps_at_once_are_those_of_one_predict(layers):
    network = Network(layers, seed=0)
    network.build((T, 3))
    M = network.shapes[-1][-1] // STEPS
    found = forecast(network, SERIES[90:100], STEPS, exogenous=SEASON[100:107, M - 1 :])
    last = network.predict(SERIES[None, 90:100]).reshape(-1, STEPS, M)[-1]
    assert found.mean.tolist() == last.tolist()


@pytest.mark.slow
def test_a_single_column_gives_a_single_column():
    network = of_windows(series=WAVE)
    flat, column = forecast(network, WAVE[:30], 3, samples=4, residuals=[0.1], seed=0), None
    column = forecast(network, WAVE[:30, None], 3, samples=4, residuals=[0.1], seed=0)
    assert flat.mean.shape == (3,)
    assert flat.paths.shape == (4, 3)
    assert column.mean.shape == (3, 1)
    assert column.paths.shape == (4, 3, 1)
    np.testing.assert_array_equal(flat.paths, column.paths[..., 0])


def test_several_columns_are_forecast_together():
    two = np.column_stack([WAVE, np.roll(WAVE, 3)])
    x, y = sliding_windows(two, T)
    network = fitted([GRU(5), Dense(2)], x, y[:, 0])
    found = forecast(network, two[:T], 3)
    first = network.predict(two[None, :T])[0]
    assert found.mean[0].tolist() == first.tolist()
    assert found.mean[1].tolist() == network.predict(np.vstack([two[1:T], first])[None])[0].tolist()


# ---- paths ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_residuals_are_drawn_and_fed_back():
    network, errors = of_windows(series=WAVE), RNG.normal(size=25)
    found = forecast(network, WAVE[:T], 4, samples=3, residuals=errors, seed=5)
    rng, pasts = np.random.default_rng(5), np.repeat(WAVE[None, :T, None], 3, axis=0)
    for step in range(4):
        y = network.predict(pasts) + errors[rng.integers(25, size=3)][:, None]
        np.testing.assert_array_equal(found.paths[:, step], y[:, 0])
        pasts = np.concatenate([pasts[:, 1:], y[:, None]], axis=1)
    again = forecast(network, WAVE[:T], 4, samples=3, residuals=errors, seed=5)
    np.testing.assert_array_equal(found.paths, again.paths)
    assert (
        np.abs(found.paths - forecast(network, WAVE[:T], 4, samples=3, residuals=errors, seed=6).paths).max()
        > 0
    )


def test_residuals_of_all_steps_are_drawn_as_rows():
    network, errors = of_windows(K=4, horizon=4, series=WAVE), RNG.normal(size=(9, 4))
    found = forecast(network, WAVE[:T], 4, samples=50, residuals=errors, seed=0)
    apart = found.paths - found.mean
    assert all(np.abs(errors - row).max(axis=1).min() < 1e-5 for row in apart)


@pytest.mark.parametrize(
    ("loss", "K"), [(GaussianNLL(), 2), (MixtureDensity(2), 6), (Quantile([0.1, 0.5, 0.9]), 3)]
)
@pytest.mark.slow
def test_a_loss_that_knows_the_distribution_draws_from_it(loss, K):
    for network in (of_windows(K, loss=loss), of_sequences(K, loss=loss)):
        ahead = forecast(network, SERIES[90:100], 3, exogenous=SEASON[100:103], samples=2000, seed=0)
        first = ahead.paths[:, 0, 0]
        a = network.predict(SERIES[None, 90:100]).reshape(-1, K)[-1:]
        if isinstance(loss, Quantile):
            assert np.quantile(first, 0.5) == pytest.approx(a[0, 1], abs=float(0.1 * np.ptp(a)))
            assert a.min() - 1e-5 <= first.min() <= first.max() <= a.max() + 1e-5
        else:
            assert first.mean() == pytest.approx(loss.estimate(a)[0, 0], abs=4 * first.std() / 2000**0.5)
            assert -loss.value(first[:, None], np.repeat(a, 2000, 0)).mean() == pytest.approx(
                -loss.value(
                    loss.sample(np.repeat(a, 4000, 0), np.random.default_rng(9)), np.repeat(a, 4000, 0)
                ).mean(),
                abs=0.1,
            )


def test_paths_that_grow_without_end_are_no_forecast():
    network = Network([Flatten(), Dense(2)], loss=GaussianNLL(), seed=0)
    network.build((T, 1))
    network.params["dense_2.W"][-1] = [2.0, 1.0]  # the deviation grows with the last value
    with pytest.raises(
        NonFiniteError, match=r"forecast: step \d+ ahead is not finite; each step is an input"
    ):
        forecast(network, WAVE[:T] + 3, 30, samples=20, seed=0)


def test_draws_have_the_moments_of_their_distribution():
    rng = np.random.default_rng(1)
    a = np.tile([0.3, np.log(0.5)], (20000, 1))
    drawn = GaussianNLL().sample(a, rng)[:, 0]
    assert (drawn.mean(), drawn.std()) == pytest.approx((0.3, 0.5), abs=0.02)
    mixture = np.tile([np.log(0.2), np.log(0.8), -1.0, 2.0, np.log(0.1), np.log(0.3)], (20000, 1))
    drawn = MixtureDensity(2).sample(mixture, rng)[:, 0]
    assert np.mean(drawn < 0.5) == pytest.approx(0.2, abs=0.01)
    assert drawn[drawn > 0.5].std() == pytest.approx(0.3, abs=0.02)


def test_draws_lie_between_the_quantiles_of_their_own_target():
    rng, a = np.random.default_rng(2), 10 * RNG.normal(size=(4, 6))  # in no order
    loss = Quantile([0.1, 0.5, 0.9])
    drawn = np.array([loss.sample(a, rng) for _ in range(2000)])
    low, middle, high = np.moveaxis(np.sort(a.reshape(4, 2, 3)), -1, 0)
    assert drawn.shape == (2000, 4, 2)
    assert np.all((low <= drawn) & (drawn <= high))
    for quantile, share in ((low, 0.1), (middle, 0.5)):
        np.testing.assert_allclose(np.mean(drawn <= quantile, axis=0), share, atol=0.05)


def test_bands_are_quantiles_of_the_paths():
    paths = RNG.normal(size=(500, 4))
    ahead = Forecast(paths.mean(axis=0), paths)
    low, high = ahead.band(0.8)
    np.testing.assert_allclose(low, np.quantile(paths, 0.1, axis=0))
    np.testing.assert_allclose(high, np.quantile(paths, 0.9, axis=0))
    assert repr(ahead) == f"Forecast(mean={ahead.mean!r})"  # 500 paths would fill the screen
    with pytest.raises(ValueError, match="samples=200"):
        Forecast(np.zeros(3)).band()
    with pytest.raises(ValueError, match="band: share"):
        ahead.band(1.5)


@for_each(
    ("arguments", "options", "error", "words"),
    [
        ((SERIES[:T], 0), {}, ValueError, "forecast: steps"),
        ((SERIES[:T, :2], 3), {}, ShapeError, r"history must be \(T, 3\)"),
        ((SERIES[:0], 3), {}, ShapeError, "at least one step"),
        ((SERIES[:T], 3), {}, ShapeError, r"1 values, but the history has 3 columns.* exogenous$"),
        ((SERIES[:T], 3), {"exogenous": SEASON[:2]}, ShapeError, r"exogenous must be \(3, E\)"),
        ((SERIES[:T], 3), {"exogenous": SERIES[:3]}, ShapeError, "fewer columns"),
        ((SERIES[:T], 3), {"exogenous": SEASON[:3] * np.nan}, ValueError, r"exogenous\[0, 0\] is nan"),
        ((SERIES[:T] * np.nan, 3), {"exogenous": SEASON[:3]}, ValueError, r"history\[0, 0\] is nan"),
        ((SERIES[:T], 3), {"exogenous": SEASON[:3], "samples": 5}, ValueError, "predicts no distribution"),
        (
            (SERIES[:T], 3),
            {"exogenous": SEASON[:3], "samples": 5, "residuals": np.ones((4, 2))},
            ShapeError,
            r"residuals must be \(R, 1\)",
        ),
        ((SERIES[:T], 3), {"exogenous": 5.0}, ShapeError, r"exogenous must be \(3, E\)"),
        (
            (SERIES[:T], 3),
            {"exogenous": SEASON[:3], "samples": 5, "residuals": []},
            ShapeError,
            r"residuals must be \(R, 1\)",
        ),
        (
            (SERIES[:T], 3),
            {"exogenous": SEASON[:3], "samples": 5, "residuals": [0.1, np.nan]},
            ValueError,
            r"residuals\[1, 0\] is nan",
        ),
        ((SERIES[:T], 3), {"sample": 5}, TypeError, "Did you mean 'samples'"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_what_does_not_fit_is_refused(arguments, options, error, words):
    with pytest.raises(error, match=words):
        forecast(of_windows(), *arguments, **options)


def test_an_untrained_network_is_refused():
    with pytest.raises(RuntimeError, match="forecast"):
        forecast(Network([GRU(3), Dense(1)]), WAVE, 3)


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match="forecast: network must be a Network"):
        forecast(WAVE, WAVE, 3)


@for_each("layers", [[Dense(1)], [Embedding(9, 2), GRU(3), Dense(1)]])
def test_a_network_that_reads_no_sequences_of_features_is_refused(layers):
    network = Network(layers, seed=0)
    network.build((T,))
    with pytest.raises(ShapeError, match=r"sequences \(T, D\), but its inputs are \(10,\).* Flatten"):
        forecast(network, WAVE[:T], 3)


# ---- backtests ------------------------------------------------------------------------------------------


def test_a_backtest_by_its_definition():
    asked = []

    def forecaster(past):
        asked.append(len(past))
        return np.full(3, past[-1] * 0.9)

    result = backtest(forecaster, WAVE, horizon=3, first=100, every=20, season=4, order=5)
    assert asked == result.origins.tolist() == [100, 120, 140]
    np.testing.assert_array_equal(result.truth, [WAVE[o : o + 3] for o in asked])
    np.testing.assert_array_equal(result.forecasts["naive"], [[WAVE[o - 1]] * 3 for o in asked])
    seasonal = [[WAVE[o - 4], WAVE[o - 3], WAVE[o - 2]] for o in asked]
    np.testing.assert_array_equal(result.forecasts["seasonal naive"], seasonal)
    error = np.abs([[0.9 * WAVE[o - 1]] * 3 for o in asked] - result.truth)
    scale = np.mean([abs(WAVE[t] - WAVE[t - 4]) for t in range(4, 100)])
    found = result.errors()["network"]
    assert found == pytest.approx(
        {"mae": error.mean(), "rmse": (error**2).mean() ** 0.5, "mase": error.mean() / scale}, rel=1e-12
    )
    np.testing.assert_allclose(result.by_lead()["network"], error.mean(axis=0))
    assert "autoregression" in repr(result) == str(result)
    assert result.coverage() == {}


def test_a_forecaster_that_scales_what_it_is_given_in_place_changes_nothing():
    def forecaster(past):
        past -= past.mean()
        return past[-3:]

    series = WAVE.copy()
    result = backtest(forecaster, series, horizon=3, first=100, every=10)
    np.testing.assert_array_equal(series, WAVE)
    expected = [WAVE[o - 3 : o] - WAVE[:o].mean() for o in result.origins]
    np.testing.assert_array_equal(result.forecasts["network"], expected)
    np.testing.assert_array_equal(result.forecasts["naive"][:, 0], WAVE[result.origins - 1])


def test_no_past_is_kept_for_a_forecast_that_is_a_view_of_it():
    series = np.tile(WAVE, 20)
    assert peak(lambda: backtest(lambda past: past[-3:], series, horizon=3, first=2000)) < 1000 * 2000


def test_seasons_shorter_than_the_horizon_go_round():
    result = backtest(lambda past: np.zeros(5), WAVE, horizon=5, first=100, every=100, season=2)
    last, second_last = WAVE[99], WAVE[98]
    assert result.forecasts["seasonal naive"].tolist() == [[second_last, last] * 2 + [second_last]]


def test_an_autoregression_finds_the_recursion_of_a_series():
    y = np.zeros(200)
    y[:2] = 1.0, 0.5
    for t in range(2, 200):
        y[t] = 0.3 + 1.6 * y[t - 1] - 0.8 * y[t - 2]
    found = autoregression(y[:40].copy(), 30, 2, np.array([30, 35]), 5)
    np.testing.assert_allclose(found, [y[30:35], y[35:40]], atol=1e-8)


def test_bands_are_kept_and_their_coverage_counted():
    paths = RNG.normal(size=(400, 2))

    def forecaster(past):
        return Forecast(past[-1] + np.zeros(2), past[-1] + paths)

    result = backtest(forecaster, WAVE, horizon=2, first=100, every=10, shares=(0.5, 0.9))
    low, high = np.quantile(paths, [0.05, 0.95], axis=0)
    last = np.array([[WAVE[o - 1]] for o in result.origins])
    within = (last + low <= result.truth) & (result.truth <= last + high)
    assert result.coverage()[0.9] == within.mean()
    edges = np.stack([result.truth - [0, 1], result.truth - [-1, 0]], axis=-1)
    assert replace(result, bands={0.9: edges}).coverage() == {0.9: 1.0}
    result.bands = {0.975: result.bands[0.9]}
    assert f"the 97.5% band covers {100 * within.mean():.3g}%" in str(result)


def test_a_series_that_is_constant_before_the_first_origin_has_no_scale():
    late = np.where(np.arange(60) < 45, 2.0, 3.0)
    result = backtest(lambda past: past[-2:], late, horizon=2, first=40, every=5)
    assert result.scale == 0
    assert np.isnan([errors["mase"] for errors in result.errors().values()]).all()
    assert result.errors()["network"]["mae"] == result.errors()["naive"]["mae"] > 0
    assert "nan" in str(result)


def test_one_column_is_a_column_or_a_vector_in_mean_and_paths():
    paths = np.random.default_rng(0).normal(size=(9, 2))
    found = [
        backtest(lambda past, mean=mean, drawn=drawn: Forecast(mean, drawn), WAVE, horizon=2, first=100)
        for mean in (paths[0], paths[0][:, None])
        for drawn in (paths, paths[..., None])
    ]
    assert len({str(result) for result in found}) == 1


def test_only_the_first_column_is_forecast():
    result = backtest(lambda past: past[-1, 0] + np.zeros(2), SERIES, horizon=2, first=100)
    np.testing.assert_array_equal(result.forecasts["network"], result.forecasts["naive"])
    assert result.forecasts.keys() == {"network", "naive", "autoregression"}  # without a season


@for_each(
    ("change", "error", "words"),
    [
        ({"horizon": 0}, ValueError, "backtest: horizon"),
        ({"first": 3}, ValueError, "backtest: first must be at least 14"),
        ({"first": 20, "season": 20}, ValueError, "backtest: first must be at least 21"),
        ({"first": 149}, ValueError, "too few for one forecast of 3"),
        ({"forecaster": "naive"}, TypeError, "forecaster must be a function"),
        ({"forecaster": lambda past: np.zeros(2)}, ShapeError, r"must return \(3,\) values, got \(2,\)"),
        ({"forecaster": lambda past: np.zeros((3, 2))}, ShapeError, r"Forecast\(a.mean\[:, 0\]"),
        ({"series": np.where(WAVE > 1, np.nan, WAVE)}, ValueError, "series.* is nan"),
        ({"series": 3.0}, ShapeError, r"series must be \(L,\) or \(L, D\)"),
        ({"series": WAVE[:, None, None]}, ShapeError, r"series must be .* got shape \(150, 1, 1\)"),
        ({"shares": 0.8}, TypeError, "backtest: shares must be a list, got 0.8"),
        (
            {"forecaster": lambda past: Forecast(np.zeros(3), np.zeros((3, 7)))},  # (steps, S)
            ShapeError,
            r"the paths must be \(S, 3\) like the mean, got \(3, 7\)",
        ),
    ],
)
def test_wrong_backtests_are_refused(change, error, words):
    options = {"forecaster": lambda past: np.zeros(3), "series": WAVE, "horizon": 3, "first": 100} | change
    with pytest.raises(error, match=words):
        backtest(options.pop("forecaster"), options.pop("series"), **options)


def test_the_months_of_the_sea_are_whole():
    months, temperature = load_el_nino()
    assert (str(months[0]), str(months[-1]), len(months)) == ("1950-01", "2010-12", 732)
    assert (temperature.min(), temperature.max()) == (
        18.95,
        29.24,
    )
    by_month = temperature.reshape(61, 12).mean(axis=0)
    assert (by_month.argmax(), by_month.argmin()) == (2, 8)  # March and September


def test_a_window_that_must_have_its_length_says_so():
    network = fitted([Flatten(), Dense(1)], *sliding_windows(WAVE, T))
    assert forecast(network, WAVE[:T], 2).mean.shape == (2,)
    with pytest.raises(ShapeError):
        forecast(network, WAVE[: T + 1], 2)
