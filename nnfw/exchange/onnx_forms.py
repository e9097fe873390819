"""Correspondence of ONNX and nnfw: activations, gates, windows; and the few functions that ONNX lacks.

ONNX has no operators for masks and for pooling over sequences of unequal length. A file has them as functions
of the domain ``nnfw``, including their definitions, so that any runtime can run them.
"""

from collections.abc import Mapping
from typing import Any

from nnfw import activations, layers
from nnfw.activations import Activation
from nnfw.core.typing import Array
from nnfw.exchange.dialects import Orders, one_or_all, outputs_last
from nnfw.layers import Layer
from nnfw.layers.windows import Windows

OPSET, IR = 21, 10  # as in onnx 1.16
DOMAIN = "nnfw"
ORDERS: Orders = {layers.RNN: ("",), layers.GRU: "zrc", layers.LSTM: "iofg"}
# The recurrent nodes, and the default activations of a direction:
CELLS = {"RNN": [b"Tanh"], "GRU": [b"Sigmoid", b"Tanh"], "LSTM": [b"Sigmoid", b"Tanh", b"Tanh"]}
MERGES = {"sum": "ReduceSum", "mul": "ReduceProd", "ave": "ReduceMean"}

# The operator of each activation with its attributes; a string names the argument that gives the value.
FORMS: dict[type[Activation], tuple[str, dict[str, Any]]] = {
    activations.Linear: ("Affine", {"alpha": 1.0, "beta": 0.0}),
    activations.ReLU: ("Relu", {}),
    activations.LeakyReLU: ("LeakyRelu", {"alpha": "slope"}),
    activations.ELU: ("Elu", {"alpha": "alpha"}),
    activations.SELU: ("Selu", {"alpha": activations.SELU().alpha, "gamma": activations.SELU.scale}),
    activations.Softplus: ("Softplus", {}),
    activations.Sigmoid: ("Sigmoid", {}),
    activations.HardSigmoid: ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),  # ONNX's default is x/5
    activations.Tanh: ("Tanh", {}),
    activations.Softsign: ("Softsign", {}),
    activations.SiLU: ("Silu", {}),
    activations.GELU: ("Gelu", {"approximate": b"none"}),
    activations.GELUTanh: ("Gelu", {"approximate": b"tanh"}),
    activations.Softmax: ("Softmax", {"axis": -1}),
}
IN_CELLS = ("Affine", "Relu", "LeakyRelu", "Elu", "Softplus", "Sigmoid", "HardSigmoid", "Tanh", "Softsign")
DEFAULTS: dict[str, dict[str, Any]] = dict(FORMS.values()) | {  # attributes that a file may omit
    "LeakyRelu": {"alpha": 0.01},
    "Elu": {"alpha": 1.0},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "Gelu": {"approximate": b"none"},
}

POOLS: dict[str, dict[int, type[Any]]] = {  # by the number of axes of windows
    "MaxPool": {1: layers.MaxPooling1D, 2: layers.MaxPooling2D},
    "AveragePool": {1: layers.AveragePooling1D, 2: layers.AveragePooling2D},
}
CONVOLUTIONS: dict[int, type[Any]] = {1: layers.Conv1D, 2: layers.Conv2D}
PLAIN = {"auto_pad": b"NOTSET", "group": 1, "ceil_mode": 0, "storage_order": 0}  # the only values in nnfw

NUMBERS = """
  one_step = Constant <value_int: int = 1> ()
  no_step = Constant <value_int: int = 0> ()
  zero = Constant <value_float: float = 0.0> ()
  steps_axis = Constant <value_ints: ints = [1]> ()
  last_axis = Constant <value_ints: ints = [-1]> ()
  size = Shape <start: int = 1, end: int = 2> (x)
  T = Squeeze (size)
"""  # some constants, and the steps of x (N, T, ...)
COLUMN = f"""
  {NUMBERS}
  column = Unsqueeze (lengths, last_axis)
  any_step = Greater (column, no_step)
"""  # the lengths (N,) as (N, 1), and which are not 0
VALID = f"""
  {COLUMN}
  steps = Range (no_step, T, one_step)
  valid = Less (steps, column)
  values = Unsqueeze (valid, last_axis)
"""  # which values (N, T, 1) of x (N, T, D) are within the lengths (N,)
FUNCTIONS = {
    "Silu": """(x) => (y) {
  s = Sigmoid (x)
  y = Mul (x, s)
}""",
    "Mask": f"""(x, lengths) => (y) {{
  {VALID}
  y = Where (values, x, zero)
}}""",
    "MeanPooling": f"""(x, lengths) => (y) {{
  {VALID}
  kept = Where (values, x, zero)
  total = ReduceSum <keepdims: int = 0> (kept, steps_axis)
  number = Cast <to: int = 1> (column)
  pooled = Div (total, number)
  y = Where (any_step, pooled, zero)
}}""",
    "MaxPooling": f"""(x, lengths) => (y) {{
  {VALID}
  lowest = Constant <value_float: float = -3.4028235e38> ()
  kept = Where (values, x, lowest)
  pooled = ReduceMax <keepdims: int = 0> (kept, steps_axis)
  y = Where (any_step, pooled, zero)
}}""",
    "LastStep": f"""(x, lengths) => (y) {{
  {COLUMN}
  last = Sub (column, one_step)
  index = Max (last, no_step)
  pooled = GatherND <batch_dims: int = 1> (x, index)
  y = Where (any_step, pooled, zero)
}}""",
    "Windows": """(lengths, more, stride) => (y) {
  n = Add (lengths, more)
  no_step = Constant <value_int: int = 0> ()
  positive = Max (n, no_step)
  y = Div (positive, stride)
}""",
    "Steps": f"""(x, mask) => (y) {{
  {NUMBERS}
  end = Add (T, one_step)
  numbers = Range (one_step, end, one_step)
  masked = Equal (x, mask)
  found = Where (masked, no_step, numbers)
  y = ReduceMax <keepdims: int = 0> (found, steps_axis)
}}""",
}  # pooled values of a sequence without steps are 0


def operator_of(activation: Activation, label: str, in_cell: bool = False) -> str:
    """Return ONNX's operator for an activation, or raise a ValueError; recurrent nodes support fewer."""
    known = {kind: name for kind, (name, _) in FORMS.items() if name in IN_CELLS or not in_cell}
    if type(activation) in known:
        return known[type(activation)]
    names = ", ".join(kind._known_as for kind in known)
    raise ValueError(f"{label}: ONNX has no activation {activation.name!r} there; use one of {names}")


def attributes_of(activation: Activation) -> dict[str, Any]:
    """Return the attributes of an activation's operator."""
    _, attributes = FORMS[type(activation)]
    return {
        name: getattr(activation, value) if isinstance(value, str) else value
        for name, value in attributes.items()
    }


def activation_of(operator: str, attributes: Mapping[str, Any]) -> Activation | None:
    """Return the activation of an operator of ONNX; None if nnfw has none that computes the same."""
    given = {**DEFAULTS.get(operator, {}), **attributes}
    for kind, form in FORMS.items():
        if operator == form[0]:
            arguments = {value: given[name] for name, value in form[1].items() if isinstance(value, str)}
            fixed = {name: value for name, value in form[1].items() if value not in arguments}
            if all(is_close(given[name], value) for name, value in fixed.items()):
                return kind(**arguments)
    return None


def is_close(a: Any, b: Any) -> bool:
    """Whether two attributes, numbers or names, are the same."""
    return bool(a == b if isinstance(b, bytes) else abs(a - b) < 1e-6)


def pads(windows: Windows) -> list[int]:
    """Return the zeros before each axis, then those after each."""
    around = [windows.around(axis) for axis in range(len(windows.size))]
    return [zeros for side in zip(*around, strict=True) for zeros in side]


def windowed_layer(
    operator: str, given: Mapping[str, Any], W: Array | None, b: Array | None, axes: int
) -> tuple[Layer | None, dict[str, Array]]:
    """Return the layer of a node with windows over some axes, and its weights; None if nnfw has none."""
    ones = (1,) * axes
    size = tuple(given.get("kernel_shape", ones if W is None else W.shape[2:]))
    stride, dilation = (tuple(given.get(name, ones)) for name in ("strides", "dilations"))
    around = list(given.get("pads", (0, 0) * axes))
    paddings = ["valid", "same"] + ["causal"] * (axes == 1)
    fits = [one for one in paddings if pads(Windows(size, stride, dilation, one)) == around]
    plain = all(given.get(name, value) == value for name, value in PLAIN.items())
    if not (plain and fits):
        return None, {}
    k, s, d = (one_or_all(n) for n in (size, stride, dilation))
    if W is None:
        pools = fits[0] == "valid" and set(dilation) == {1}
        return (POOLS[operator][axes](k, s) if pools else None), {}
    options = {"stride": s, "dilation": d, "padding": fits[0], "use_bias": b is not None}
    weights = {"W": outputs_last(W)} | ({} if b is None else {"b": b})
    return CONVOLUTIONS[axes](len(W), k, **options), weights
