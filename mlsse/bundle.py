"""The shipped form of the fitted models: write, check, load, infer.

A bundle is a folder for inference alone: trees as ONNX, arrays as npz, and a
``metadata.json`` with the hash of each file. Loading runs no code from the bundle and
needs numpy and ONNX Runtime, nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mlsse.alike_trees import Trees, joined
from mlsse.arrhenius import ArrheniusProcess, Lines
from mlsse.compositions import Neighbours
from mlsse.domain import Domain
from mlsse.errors import BundleError
from mlsse.features import ElementTables, feature_names
from mlsse.folders import replace_folder
from mlsse.formulas import ELEMENTS, formula_from_fractions
from mlsse.intervals import Calibration
from mlsse.kernels import CompositionKernel, Floats
from mlsse.paths import resource_folder
from mlsse.phases import PhaseStore
from mlsse.tree_graphs import read_trees
from mlsse.trust import Trust

if TYPE_CHECKING:
    import onnxruntime

FORMAT_VERSION = 3
CARD = "MODEL_CARD.md"
METADATA = "metadata.json"
ARRAYS = "arrays.npz"
PHASES = "phases.npz"
#: What the trees predict; each a file ``NAME.onnx``.
STABILITY_TREES = ("decomposition_energy", "formation_energy", "stable", "metastable")
FOREST = "room_log10_conductivity"
TREES = (FOREST, *STABILITY_TREES)


@dataclass(frozen=True)
class ProbabilityMap:
    """Calibrated probability against the raw one of a classifier, piecewise linear.

    Attributes
    ----------
    raw, calibrated : ndarray of shape (k,)
        Rising.
    """

    raw: Floats
    calibrated: Floats

    def __call__(self, probability: Floats) -> Floats:
        """Calibrate raw probabilities, any shape."""
        return np.interp(probability, self.raw, self.calibrated)


@dataclass(frozen=True)
class Stability:
    """Predicted stability of n compositions, each of shape (n,); energies in eV/atom."""

    decomposition_energy: Floats
    formation_energy: Floats
    stable_probability: Floats
    metastable_probability: Floats


@dataclass(frozen=True)
class FittedParts:
    """What training hands to `write_bundle`.

    Attributes
    ----------
    tables : ElementTables
    process : ArrheniusProcess
    trust : Trust
    calibration : Calibration
    spread_decades : ndarray of shape (m,)
        Range of the measured room-temperature values of each known composition.
    temperature_range_k : ndarray of shape (2,)
        Temperatures between which most measurements lie.
    trees : mapping of str to bytes
        ONNX of each of `TREES`.
    tree_columns : ndarray of int, shape (k,)
        Columns of the feature matrix that the trees of the stability see.
    forest_columns : ndarray of int
        Columns that the forest of the conductivity sees.
    maps : mapping of str to ProbabilityMap
        For ``stable`` and ``metastable``.
    phases : PhaseStore
    """

    tables: ElementTables
    process: ArrheniusProcess
    trust: Trust
    calibration: Calibration
    spread_decades: Floats
    temperature_range_k: Floats
    trees: Mapping[str, bytes]
    tree_columns: np.ndarray
    forest_columns: np.ndarray
    maps: Mapping[str, ProbabilityMap]
    phases: PhaseStore


class Model:
    """A loaded bundle.

    Attributes
    ----------
    metadata : dict
    tables : ElementTables
    process : ArrheniusProcess
    trust : Trust
    calibration : Calibration
    spread_decades : ndarray of shape (m,)
    temperature_range_k : ndarray of shape (2,)
    """

    def __init__(self, folder: Path, metadata: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.folder = folder
        self.metadata = metadata
        self.tables = ElementTables(arrays["element_values"], arrays["element_pauling"])
        framework_length, chemistry_length, descriptor_length = arrays["kernel_lengths"].tolist()
        kernel = CompositionKernel(
            framework_length,
            chemistry_length,
            descriptor_length,
            descriptor_scale=arrays["descriptor_scale"],
            elements=arrays["kernel_elements"],
        )
        self.process = ArrheniusProcess(
            kernel,
            arrays["known_vectors"],
            arrays["known_descriptors"],
            arrays["process_weights"],
            arrays["process_prior"],
            arrays["process_precision"],
            arrays["known_log10"],
            *arrays["process_blend"].tolist(),
        )
        self.trust = Trust(arrays["trust_weights"])
        energy_sd, surprise, *limits = arrays["calibration"].tolist()
        lower_weights, upper_weights = arrays["width_weights"]
        self.calibration = Calibration(
            lower_weights,
            upper_weights,
            energy_sd,
            arrays["residual_quantiles"],
            Domain(*limits),
            surprise,
        )
        self.spread_decades = arrays["known_spread_decades"]
        self.temperature_range_k = arrays["temperature_range_k"]
        self._names: dict[int, str] = {}
        self._tree_columns = arrays["tree_columns"]
        self._forest_columns = arrays["forest_columns"]
        self._maps = {
            name: ProbabilityMap(*arrays[f"{name}_map"]) for name in ("stable", "metastable")
        }

    @property
    def version(self) -> str:
        """Version of the model, as in the column ``model_version``."""
        return str(self.metadata["model_version"])

    @cached_property
    def known_elements(self) -> frozenset[str]:
        """Elements that some known conductor has."""
        return frozenset(
            ELEMENTS[i] for i in np.flatnonzero(self.process.vectors.max(axis=0)).tolist()
        )

    @cached_property
    def known(self) -> Neighbours:
        """The known compositions, to find the nearest among."""
        return Neighbours(self.process.vectors)

    def known_formula(self, index: int) -> str:
        """Formula of a known composition, by its row in ``process.vectors``."""
        if index not in self._names:
            vector = self.process.vectors[index]
            self._names[index] = formula_from_fractions(
                {ELEMENTS[i]: float(vector[i]) for i in np.flatnonzero(vector)}
            )
        return self._names[index]

    @cached_property
    def phases(self) -> PhaseStore:
        """The reference phases, loaded at first use."""
        arrays = _read_arrays(self.folder / PHASES, self.metadata)
        try:
            return PhaseStore(**arrays)
        except (TypeError, ValueError) as error:
            raise _unusable(self.folder / PHASES, error) from error

    def lines(self, features: Floats) -> Lines:
        """Predict Arrhenius lines of n compositions.

        Parameters
        ----------
        features : ndarray of shape (n, n_features)

        Returns
        -------
        Lines
        """
        forest = self._run(FOREST, features[:, self._forest_columns].astype(np.float32))
        return self.trust(self.process.predict(features, forest))

    def decomposition_energy(self, features: Floats) -> Floats:
        """Predict the decomposition energy alone, in a third of the time of `stability`.

        Parameters
        ----------
        features : ndarray of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n,)
            eV/atom.
        """
        return self._run("decomposition_energy", self._tree_input(features))

    def stability(self, features: Floats) -> Stability:
        """Predict stability.

        Parameters
        ----------
        features : ndarray of shape (n, n_features)

        Returns
        -------
        Stability
        """
        X = self._tree_input(features)
        raw = self._run_alike(X) if len(X) >= _MANY_ROWS else None
        if raw is None:
            raw = {name: self._run(name, X) for name in STABILITY_TREES}
        metastable = self._maps["metastable"](raw["metastable"])
        # What is stable is metastable as well.
        stable = np.minimum(self._maps["stable"](raw["stable"]), metastable)
        return Stability(raw["decomposition_energy"], raw["formation_energy"], stable, metastable)

    def _tree_input(self, features: Floats) -> NDArray[np.float32]:
        return features[:, self._tree_columns].astype(np.float32)

    def _run(self, name: str, X: NDArray[np.float32]) -> Floats:
        return self.sessions[name].run(None, {"X": X})[0][:, 0].astype(float)

    def _run_alike(self, X: NDArray[np.float32]) -> dict[str, Floats] | None:
        """What `_run` gives for all of `STABILITY_TREES`, faster; None if rows are not alike."""
        if self._alike is None:
            return None
        trees, rests = self._alike
        sums = trees.sums(X)
        if sums is None:
            return None
        return {
            name: rests[name].run(None, {"trees": of_model[:, None]})[0][:, 0].astype(float)
            for name, of_model in zip(STABILITY_TREES, sums, strict=True)
        }

    @cached_property
    def _alike(self) -> tuple[Trees, dict[str, onnxruntime.InferenceSession]] | None:
        """All trees of the stability together, and what follows them in each graph."""
        parts, rests = [], {}
        for name in STABILITY_TREES:
            path = self.folder / f"{name}.onnx"
            found = read_trees(_read(path, self.metadata))
            if found is None:
                return None
            parts.append(found[0])
            rests[name] = _session(path, found[1])
        return joined(parts), rests

    @cached_property
    def sessions(self) -> dict[str, onnxruntime.InferenceSession]:
        """The trees, loaded at first use."""
        paths = {name: self.folder / f"{name}.onnx" for name in TREES}
        return {name: _session(path, _read(path, self.metadata)) for name, path in paths.items()}


_MANY_ROWS = 128  # from which trees that rows share are sought


def _session(path: Path, data: bytes) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread sums in one order, so a row alone equals the row in a batch; batches
    # run in parallel over chunks of rows instead.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    except Exception as error:  # its classes are private, bases of their own
        raise _unusable(path, error) from error


def write_bundle(
    folder: str | Path, parts: FittedParts, metadata: Mapping[str, Any], card: str
) -> Path:
    """Write a bundle; an old one of the same name is replaced at once or not at all.

    Parameters
    ----------
    folder : str or pathlib.Path
    parts : FittedParts
    metadata : mapping
        What the training knows of itself; format, hashes and model version are added.
    card : str
        The model card, Markdown.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    BundleError
        If the folder exists and is no bundle, so that nothing else is overwritten.
    """
    folder = Path(folder)
    _check_replaceable(folder)
    contents = {f"{name}.onnx": parts.trees[name] for name in TREES}
    # Not compressed: a single prediction would spend a tenth of its time on unpacking.
    contents[ARRAYS] = _npz_bytes(np.savez, _arrays(parts))
    contents[PHASES] = _npz_bytes(np.savez_compressed, parts.phases.arrays())
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())}
    contents[METADATA] = (
        json.dumps(
            {
                "format_version": FORMAT_VERSION,
                "model_version": f"{metadata['experiment']['name']}-{_identity(hashes)}",
                "sha256": hashes,
                "features": {
                    "count": len(feature_names()),
                    "sha256": _names_hash(),
                },
                **metadata,
            },
            indent=1,
            sort_keys=False,
        )
        + "\n"
    ).encode()
    contents[CARD] = card.encode()

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        fresh = Path(temporary) / "fresh"
        fresh.mkdir()
        for name, data in contents.items():
            (fresh / name).write_bytes(data)
        move_into_place(fresh, folder)
    return folder


def move_into_place(fresh: Path, folder: Path) -> None:
    """Move a complete bundle to a folder; an old bundle there is replaced at once or not at all.

    Parameters
    ----------
    fresh : pathlib.Path
        In a temporary folder beside `folder`.
    folder : pathlib.Path

    Raises
    ------
    BundleError
        If the folder holds something that is no bundle.
    """
    _check_replaceable(folder)
    replace_folder(fresh, folder)


def _check_replaceable(folder: Path) -> None:
    if folder.is_dir() and (not any(folder.iterdir()) or (folder / METADATA).is_file()):
        return
    if folder.exists():
        raise BundleError(f"{folder} exists and is no bundle: name another folder to write to")


def load_model(folder: str | Path | None = None) -> Model:
    """Load a bundle, by default the shipped champion.

    Parameters
    ----------
    folder : str or pathlib.Path, optional

    Returns
    -------
    Model

    Raises
    ------
    BundleError
        If the folder holds no bundle, a damaged one, or one of another format or feature set.
    """
    folder = resource_folder("models") / "champion" if folder is None else Path(folder)
    try:
        metadata = json.loads((folder / METADATA).read_bytes())
        hashes = dict(metadata["sha256"])
        format_version = int(metadata["format_version"])
        names_hash = metadata["features"]["sha256"]
        model_version = str(metadata["model_version"])
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder} holds no model bundle ({METADATA} is missing): name a folder that "
            "mlsse train has written"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(
            f"{folder / METADATA} is damaged ({error}): train or fetch anew"
        ) from error
    if format_version != FORMAT_VERSION:
        remedy = "install a newer mlsse" if format_version > FORMAT_VERSION else "train it anew"
        raise BundleError(
            f"{folder} has bundle format {format_version}, this version of mlsse reads "
            f"{FORMAT_VERSION}: {remedy}"
        )
    if names_hash != _names_hash():
        raise BundleError(f"{folder} was trained on other features: train it anew")
    if set(hashes) != {ARRAYS, PHASES, *(f"{name}.onnx" for name in TREES)}:
        raise BundleError(f"{folder / METADATA} lists other files than a bundle has: train anew")
    for name in hashes:
        _read(folder / name, metadata)
    if not model_version.endswith(f"-{_identity(hashes)}"):
        raise BundleError(
            f"{folder / METADATA} calls the model {model_version}, but its files are those of "
            f"another (...-{_identity(hashes)}): train or fetch anew"
        )
    arrays = _read_arrays(folder / ARRAYS, metadata)
    try:
        return Model(folder, metadata, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(folder / ARRAYS, error) from error


def _read(path: Path, metadata: Mapping[str, Any]) -> bytes:
    """Read a file of a bundle, if it still is the one that the metadata describes.

    Some files are read long after the bundle was loaded; by then the folder may hold another.
    """
    try:
        data = path.read_bytes()
        found = hashlib.sha256(data).hexdigest()
    except OSError as error:
        data, found = b"", error.strerror or type(error).__name__
    expected = metadata["sha256"][path.name]
    if found != expected:
        raise BundleError(
            f"{path} is not what {METADATA} says (sha256 {found}, expected {expected}): "
            "train or install anew"
        )
    return data


def _read_arrays(path: Path, metadata: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Read arrays alone: what would have to be unpickled, and so could run code, is refused."""
    try:
        with np.load(io.BytesIO(_read(path, metadata)), allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, EOFError, ValueError, TypeError, AttributeError, BadZipFile) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> BundleError:
    return BundleError(f"{path} holds no part of a model ({error}): train or fetch anew")


def _identity(hashes: Mapping[str, str]) -> str:
    """Name the contents of a bundle, by the hashes of its files in the order of their names."""
    return hashlib.sha256("".join(hashes[name] for name in sorted(hashes)).encode()).hexdigest()[:8]


@lru_cache(maxsize=1)
def champion() -> Model:
    """The shipped champion, loaded once."""
    return load_model()


def _arrays(parts: FittedParts) -> dict[str, np.ndarray]:
    process, calibration = parts.process, parts.calibration
    kernel = process.kernel
    return {
        "element_values": parts.tables.values,
        "element_pauling": parts.tables.pauling,
        "kernel_lengths": np.array(
            [kernel.framework_length, kernel.chemistry_length, kernel.descriptor_length]
        ),
        "descriptor_scale": kernel.descriptor_scale,
        "kernel_elements": kernel.elements,
        "known_vectors": process.vectors,
        "known_descriptors": process.descriptors,
        "process_weights": process.weights,
        "process_prior": process.prior,
        "process_precision": process.precision,
        "known_log10": process.known_log10,
        "process_blend": np.array([process.forest_weight, process.forest_share]),
        "trust_weights": parts.trust.weights,
        "calibration": np.array(
            [
                calibration.energy_sd,
                calibration.surprise,
                calibration.domain.min_likeness,
                calibration.domain.max_seldom_pairs,
                calibration.domain.max_weightiest_pair,
            ]
        ),
        "width_weights": np.stack([calibration.lower_weights, calibration.upper_weights]),
        "residual_quantiles": calibration.quantiles,
        "known_spread_decades": parts.spread_decades,
        "temperature_range_k": parts.temperature_range_k,
        "tree_columns": parts.tree_columns,
        "forest_columns": parts.forest_columns,
        **{f"{name}_map": np.stack([m.raw, m.calibrated]) for name, m in parts.maps.items()},
    }


def _npz_bytes(save: Callable[..., None], arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _names_hash() -> str:
    return hashlib.sha256("\n".join(feature_names()).encode()).hexdigest()
