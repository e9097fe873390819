"""Forecasting of time series: several steps ahead, with bands, and compared with simple methods.

A series (L, D) has M columns to forecast, followed by E features known in advance, such as the month of the
year. `forecast` continues the series, and `backtest` measures how good past forecasts would have been.
"""

from nnfw.forecasting.ahead import Forecast, forecast
from nnfw.forecasting.backtesting import Backtest, autoregression, backtest

__all__ = ["Backtest", "Forecast", "autoregression", "backtest", "forecast"]
