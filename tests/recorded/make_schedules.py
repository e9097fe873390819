"""Record PyTorch's learning-rate schedules: ``python tests/recorded/make_schedules.py``."""

from pathlib import Path

import numpy as np
import torch
from torch.optim import lr_scheduler as torch_schedules

RATE, LOW, STEPS = 0.3, 0.02, 41


def scheduler_for(kind, *args, rate=RATE, **kwargs):
    """Return the optimizer, past its first step, and the PyTorch scheduler of this `kind` for it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = getattr(torch_schedules, kind)(optimizer, *args, **kwargs)
    optimizer.step()
    return optimizer, scheduler


def record(kind, *args, **kwargs):
    """Return the rates of steps 0 to STEPS - 1."""
    optimizer, scheduler = scheduler_for(kind, *args, **kwargs)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(STEPS - 1):
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def record_restarts(epochs, period, factor, end):
    """Return the rates at fractional epochs, which only the warm restarts have."""
    optimizer, scheduler = scheduler_for("CosineAnnealingWarmRestarts", period, factor, eta_min=end)
    rates = []
    for epoch in epochs:
        scheduler.step(float(epoch))
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


fractional = np.random.default_rng(0).uniform(0, 70, 80)
late = {"pct_start": 0.45, "div_factor": 7, "final_div_factor": 50}
triangle = {"rate": LOW, "step_size_up": 6, "cycle_momentum": False}
np.savez_compressed(
    Path(__file__).with_name("schedules.npz"),
    fractional=fractional,
    constant=record("ConstantLR", factor=1.0),
    step=record("StepLR", step_size=7, gamma=0.6),
    multistep=record("MultiStepLR", milestones=[5, 12, 30], gamma=0.1),
    exponential=record("ExponentialLR", gamma=0.9),
    linear=record("LinearLR", start_factor=1.0, end_factor=0.2, total_iters=25),
    linear_warmup=record("LinearLR", start_factor=0.1, end_factor=1.0, total_iters=8),
    polynomial=record("PolynomialLR", total_iters=25, power=1.7),
    cosine=record("CosineAnnealingLR", T_max=STEPS - 1, eta_min=LOW),
    restarts_1=record_restarts(fractional, 9, 1, LOW),
    restarts_2=record_restarts(fractional, 5, 2, LOW),
    restarts_3=record_restarts(fractional, 2, 3, 0.0),
    one_cycle=record("OneCycleLR", RATE, STEPS),
    one_cycle_late=record("OneCycleLR", RATE, STEPS, **late),
    triangular=record("CyclicLR", LOW, RATE, **triangle),
    triangular2=record("CyclicLR", LOW, RATE, mode="triangular2", **triangle),
)
