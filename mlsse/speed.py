"""How fast formulas become features and predictions, as ratios where another tool exists.

Times are wall times, medians over repeats; what is compared is run in turns, so that a
busy machine slows both sides.
"""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from mlsse.datasets import load_dataset
from mlsse.errors import DataUnavailableError
from mlsse.features import MAGPIE_PROPERTIES, STATISTICS, feature_names
from mlsse.featurize import FormulaFeaturizer
from mlsse.formulas import parse_formula

_log = logging.getLogger(__name__)

_N_FEATURIZED = 20_000
_N_MATMINER = 500  # at about 10 ms each
_N_PREDICTED = 100_000
_REPEATS = 5


def measure() -> dict[str, dict[str, Any]]:
    """Run all protocols of the speed benchmark with the shipped model.

    Returns
    -------
    dict
        Metrics of ``featurize``, ``read``, ``predict_100k`` and ``cold_start`` by name.
    """
    generated = generated_formulas(_N_PREDICTED)
    try:
        compounds = load_dataset("critexam")["formula"].tolist()
    except DataUnavailableError as error:
        _log.info("%s: generated formulas are featurised instead", error)
        source, texts = "generated", generated[:_N_FEATURIZED]
    else:
        source, texts = "critexam", random.Random(0).sample(compounds, _N_FEATURIZED)
    _log.info("featurize: %d formulas, matminer on %d of them", len(texts), _N_MATMINER)
    featurizing = featurize(texts, n_matminer=_N_MATMINER, repeats=_REPEATS)
    _log.info("read")
    reading = read(generated[:_N_FEATURIZED], repeats=_REPEATS)
    _log.info("predict_100k: %d formulas in a fresh process", len(generated))
    predicting = predict_fresh(generated)
    _log.info("cold_start")
    return {
        "featurize": {**featurizing, "formulas": source},
        "read": reading,
        "predict_100k": predicting,
        "cold_start": cold_start(repeats=2 * _REPEATS + 1),
    }


def featurize(texts: Sequence[str], *, n_matminer: int, repeats: int) -> dict[str, Any]:
    """Compare the feature matrix, from text, with matminer's Magpie preset on one core.

    The whole matrix of the models is timed, of which the preset is about a third. matminer
    starts from compositions that were read beforehand.

    Parameters
    ----------
    texts : sequence of str
    n_matminer : int
        How many of the formulas matminer gets, evenly spread.
    repeats : int

    Returns
    -------
    dict
        ``n``, ``n_matminer``, ``us_per_formula``, ``matminer_us_per_formula``, ``ratio``
        (matminer's time over ours) and ``max_abs_difference`` over the columns of the preset.
    """
    from matminer.featurizers.composition import ElementProperty
    from pymatgen.core import Composition

    ours = FormulaFeaturizer().fit(texts)
    preset = ElementProperty.from_preset("magpie", impute_nan=False)
    preset.set_n_jobs(1)
    sample = [texts[i * len(texts) // n_matminer] for i in range(n_matminer)]
    compositions = [Composition(text) for text in sample]

    ours.transform(texts[:1])  # the caches of both are filled before the clock runs
    preset.featurize_many(compositions[:1], pbar=False)
    seconds, matminer_seconds = [], []
    for _ in range(repeats):
        seconds.append(_seconds(lambda: ours.transform(texts)))
        matminer_seconds.append(_seconds(lambda: preset.featurize_many(compositions, pbar=False)))
    names = [f"{s} {p}" for p in MAGPIE_PROPERTIES for s in STATISTICS]
    theirs = [label.removeprefix("MagpieData ") for label in preset.feature_labels()]
    columns = [feature_names().index(name) for name in names]
    expected = np.array(preset.featurize_many(compositions, pbar=False), dtype=float)
    difference = (
        ours.transform(sample)[:, columns] - expected[:, [theirs.index(name) for name in names]]
    )
    us = 1e6 * median(seconds) / len(texts)
    matminer_us = 1e6 * median(matminer_seconds) / n_matminer
    return {
        "n": len(texts),
        "n_matminer": n_matminer,
        "us_per_formula": us,
        "matminer_us_per_formula": matminer_us,
        "ratio": matminer_us / us,
        "max_abs_difference": float(np.abs(difference).max()),
    }


def read(texts: Sequence[str], *, repeats: int) -> dict[str, Any]:
    """Time the reading of formulas: ``n`` and ``us_per_formula``."""
    seconds = [_seconds(lambda: [parse_formula(text) for text in texts]) for _ in range(repeats)]
    return {"n": len(texts), "us_per_formula": 1e6 * median(seconds) / len(texts)}


# The clock starts before the imports and before the model is loaded. The kernel keeps the peak
# memory of the parent as a start for `ru_maxrss`, but not for VmHWM.
_PREDICT = """
import json, sys
from pathlib import Path
from time import perf_counter

texts = json.load(sys.stdin)
start = perf_counter()
from mlsse.bundle import load_model
from mlsse.prediction import predict

card = predict(texts, model=load_model(*sys.argv[1:]))
seconds = perf_counter() - start
status = Path("/proc/self/status")
if status.is_file():
    peak_kb = next(int(l.split()[1]) for l in status.open() if l.startswith("VmHWM"))
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_kb = peak / 1024 if sys.platform == "darwin" else peak
errors = int(card["error"].notna().sum())
print(json.dumps({"n": len(card), "errors": errors, "seconds": seconds, "peak_mb": peak_kb / 1024}))
"""


def predict_fresh(texts: Sequence[str], folder: Path | None = None) -> dict[str, Any]:
    """Time a prediction in a process of its own, from the imports to the whole score card.

    Parameters
    ----------
    texts : sequence of str
    folder : pathlib.Path, optional
        Of the bundle; the shipped one by default.

    Returns
    -------
    dict
        ``n``, ``errors`` (rows without a prediction), ``seconds`` and ``peak_mb``, the
        greatest resident memory of the process in MiB.
    """
    command = [sys.executable, "-c", _PREDICT, *([str(folder)] if folder else [])]
    done = subprocess.run(
        command, input=json.dumps(list(texts)), stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def cold_start(*, repeats: int, folder: Path | None = None) -> dict[str, Any]:
    """Compare whole processes with one that imports scikit-learn's ensembles and pandas.

    Parameters
    ----------
    repeats : int
    folder : pathlib.Path, optional
        Of the bundle; the shipped one by default.

    Returns
    -------
    dict
        ``help_seconds`` (``mlsse --help``), ``predict_seconds`` (``mlsse predict Li6PS5Cl``),
        ``reference_seconds``, and the first two over the last as ``help_ratio`` and
        ``predict_ratio``.
    """
    mlsse = [sys.executable, "-m", "mlsse"]
    model = ["--model", str(folder)] if folder else []
    commands = {
        "help": [*mlsse, "--help"],
        "predict": [*mlsse, "predict", "Li6PS5Cl", *model],
        "reference": [sys.executable, "-c", "import sklearn.ensemble, pandas"],
    }

    def call(command: list[str]) -> None:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    for command in commands.values():
        call(command)  # the first call of each finds its files not yet in memory
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            taken[name].append(_seconds(partial(call, command)))
    seconds = {name: median(values) for name, values in taken.items()}
    return {
        **{f"{name}_seconds": value for name, value in seconds.items()},
        "help_ratio": seconds["help"] / seconds["reference"],
        "predict_ratio": seconds["predict"] / seconds["reference"],
    }


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def generated_formulas(n: int, seed: int = 0) -> list[str]:
    """Make doped lithium conductors of the known families, without regard to their worth.

    Garnets, NASICONs, argyrodites, thiophosphates, halides, perovskites, spinels and LISICONs
    of four to eight elements, charge-balanced by lithium.

    Parameters
    ----------
    n : int
    seed : int
        The same number and seed give the same formulas.

    Returns
    -------
    list of str, length n
        No composition twice.
    """
    rng = random.Random(seed)
    texts: dict[str, None] = {}
    while len(texts) < n:
        texts[rng.choice(_FAMILIES)(rng)] = None
    return list(texts)


def _garnet(rng: random.Random) -> str:
    x, y, z = _amount(rng, 0.05, 1), _amount(rng, 0.02, 0.5), _amount(rng, 0.02, 0.25)
    five, two, three = _pick(rng, "Ta Nb Sb"), _pick(rng, "Ba Sr Ca"), _pick(rng, "Al Ga")
    lithium = 7 - x + y - 3 * z
    return _text("Li", lithium, three, z, "La", 3 - y, two, y, "Zr", 2 - x, five, x, "O", 12)


def _nasicon(rng: random.Random) -> str:
    x, y = _amount(rng, 0.05, 0.8), _amount(rng, 0.02, 0.6)
    three, four = _pick(rng, "Al Ga Sc Y In Fe Cr La"), _pick(rng, "Ti Ge Zr Sn Hf")
    anions = ("(PO4)", 3 - y, "(SiO4)", y)
    return _text("Li", 1 + x + y, three, x, four, 2 - x, *anions)


def _argyrodite(rng: random.Random) -> str:
    x, y, z = _amount(rng, 0.05, 0.7), _amount(rng, 0.02, 0.7), _amount(rng, 0.02, 0.5)
    four, (one, other) = _pick(rng, "Si Ge Sn"), sorted(rng.sample(["Cl", "Br", "I"], 2))
    anions = ("S", 5 - x, one, 1 + x - y, other, y)
    return _text("Li", 6 - x + z, "P", 1 - z, four, z, *anions)


def _thiophosphate(rng: random.Random) -> str:
    x, y, z = _amount(rng, 0.02, 0.5), _amount(rng, 0.02, 0.5), _amount(rng, 0.02, 0.8)
    (one, other), anion = sorted(rng.sample(["Ge", "Sn", "Si"], 2)), _pick(rng, "O Se")
    cations = ("Li", 9 + x + y, one, x, other, y, "P", 3 - x - y)
    return _text(*cations, "S", 12 - z, anion, z)


def _halide(rng: random.Random) -> str:
    x, y = _amount(rng, 0.02, 0.9), _amount(rng, 0.05, 3)
    three, four = _pick(rng, "Y Sc In Er Ho Yb Tb Lu"), _pick(rng, "Zr Hf")
    return _text("Li", 3 - x, three, 1 - x, four, x, "Cl", 6 - y, _pick(rng, "Br I F"), y)


def _perovskite(rng: random.Random) -> str:
    x, y, z = _amount(rng, 0.02, 0.15), _amount(rng, 0.02, 0.5), _amount(rng, 0.01, 0.2)
    three, five = _pick(rng, "Nd Pr Sm Gd"), _pick(rng, "Nb Ta")
    cations = ("Li", 3 * x, "La", 2 / 3 - x - y / 3 - z, three, z)
    return _text(*cations, "Ti", 1 - y, five, y, "O", 3)


def _spinel(rng: random.Random) -> str:
    x, y = _amount(rng, 0.02, 0.45), _amount(rng, 0.02, 0.45)
    two, three = _pick(rng, "Mg Mn Fe Cd Zn"), _pick(rng, "Sc In Al Ga")
    return _text("Li", 2 - x - y, two, 1 - x - y, three, x, "Cr", y, "Cl", 4)


def _lisicon(rng: random.Random) -> str:
    x, y = _amount(rng, 0.02, 0.45), _amount(rng, 0.02, 0.45)
    four, five = _pick(rng, "Si Ge Ti"), _pick(rng, "P V As")
    return _text("Li", 3 + x + y, four, x, "Sn", y, five, 1 - x - y, "O", 4)


_FAMILIES = (
    _garnet, _nasicon, _argyrodite, _thiophosphate, _halide, _perovskite, _spinel, _lisicon,
)  # fmt: skip


def _amount(rng: random.Random, low: float, high: float) -> float:
    return round(rng.uniform(low, high), 2)


def _pick(rng: random.Random, symbols: str) -> str:
    return rng.choice(symbols.split())


def _text(*parts: str | float) -> str:
    """Symbols and amounts in turns as one text."""
    return "".join(part if isinstance(part, str) else f"{part:.4g}" for part in parts)
