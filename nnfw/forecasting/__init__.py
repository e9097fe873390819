"""Forecasts of time series: several steps ahead, with bands, and compared with simple methods.

A series (L, D) has M columns to forecast, and beside them E features that are known in advance, as the month
of the year. `forecast` goes on from its end, and `backtest` asks how good that would have been in the past.
"""

from nnfw.forecasting.ahead import Forecast, forecast
from nnfw.forecasting.backtesting import Backtest, autoregression, backtest

__all__ = ["Backtest", "Forecast", "autoregression", "backtest", "forecast"]
