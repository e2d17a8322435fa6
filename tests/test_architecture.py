"""Imports go to a lower layer only, and the heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlsse

PACKAGE = Path(mlsse.__file__).parent

#: Lowest layer first. A module may import those of the layers before its own.
LAYERS = (
    {"errors"},
    {"config", "paths", "folders", "store", "stages", "documents", "inline_svg"},
    {
        "formulas", "targets", "downloads", "cleaning", "laskowski", "merging", "provenance",
        "simplex", "figures", "gate", "line_files", "local_engine", "dask_engine", "pareto",
        "alike_trees",
    },
    {"flat_formulas", "corrections", "strict_tables", "composition_grids", "csv_records",
     "tree_graphs", "html_pages", "report_figures", "training_cost", "data_sheet"},
    {"compositions", "charges", "recipes", "readings"},
    {"site_charges"},
    {"substitutions", "enumerations"},
    {"candidates"},
    {"datasets", "features", "phases", "splits", "metrics", "new_data"},
    {"featurize", "kernels", "tree_export", "family_scores", "sodium_benchmark"},
    {"signals", "model_card"},
    {"arrhenius"},
    {"domain", "trust", "estimators"},
    {"intervals"},
    {"bundle", "evidence", "doubt_metrics"},
    {"thermodynamics"},
    {"windows"},
    {"interfaces", "phase_columns"},
    {"coatings", "plot_labels", "score_batches"},
    {"training", "prediction", "speed", "plots", "run_figures", "benchmark_tools",
     "benchmark_figures"},
    {
        "hull_benchmarks", "interface_benchmarks", "doped_series", "serving", "refits",
        "card_scores", "emulated_test", "discovery_benchmark", "screen_chunks",
    },
    {
        "window_benchmarks", "payloads", "screen_store", "conditions", "openapi", "served_model",
        "server_metrics",
        "conductivity_benchmarks", "stability_benchmarks", "ablation_benchmark",
        "shuffled_benchmark",
    },
    {"server_app", "serving_load", "screen_input", "screen_rows", "chances"},
    {"serving_benchmark", "screening", "choices", "explorer_load"},
    {"registry", "screening_benchmark", "screening_fault_benchmark", "contenders",
     "explorer_benchmark"},
    {"fault_benchmark", "ranking", "run_evidence"},
    {"benchmarks", "tracking"},
    {"held_out", "drift", "tables", "cli_options"},
    {"challengers", "report_parts"},
    {"retraining", "report_prediction", "report_training"},
    {"thermodynamic_tables", "run_tables", "drift_tables", "ranked_list"},
    {
        "cli_thermodynamics", "cli_models", "cli_retrain", "server", "cli_candidates", "cli_screen",
        "cli_rank", "report_screen",
    },
    {"cli_serve", "cli_explore", "cli_report"},
    {"cli"},
)  # fmt: skip
LAYER_OF = {module: i for i, layer in enumerate(LAYERS) for module in layer}
#: Which modules may import a library at all.
ROOMS = {
    "matminer": {"featurize", "speed", "screening_benchmark"},
    "pymatgen": {
        "featurize", "speed", "benchmark_tools", "hull_benchmarks", "window_benchmarks",
        "interface_benchmarks",
    },
    "matplotlib": {"figures", "plot_labels", "plots", "run_figures", "inline_svg"},
    "mlflow": {"store", "registry", "tracking", "serving", "served_model", "serving_benchmark"},
    "onnx": {"tree_export"},
    "sklearn": {
        "featurize", "estimators", "tree_export", "training", "benchmarks", "splits", "metrics",
    },
}  # fmt: skip
#: Modules on the way of a prediction, and what they may not import when they are loaded.
PREDICTION_PATH = {
    "errors", "config", "paths", "formulas", "targets", "flat_formulas", "compositions", "charges",
    "readings", "features", "kernels", "signals", "arrhenius", "domain", "trust", "intervals",
    "alike_trees", "tree_graphs", "bundle", "score_batches", "prediction", "tables", "cli",
    "simplex", "phases", "thermodynamics", "windows", "interfaces", "coatings", "phase_columns",
    "cli_options", "thermodynamic_tables", "cli_thermodynamics", "folders", "cli_retrain",
    "cli_models", "run_tables", "drift", "drift_tables", "new_data", "cli_serve", "serving",
    "payloads", "openapi", "server_metrics", "server_app", "server", "cli_explore", "cli_report",
}  # fmt: skip
HEAVY = {"sklearn", "matminer", "mlflow", "pymatgen", "onnx", "scipy", "pandas", "matplotlib"}


def module_names() -> list[str]:
    return sorted(p.stem for p in PACKAGE.glob("*.py") if not p.stem.startswith("__"))


def imports(module: str, *, at_load_only: bool = False) -> Iterator[str]:
    """Dotted names that a module imports, those for the type checker alone left out."""
    pending: list[ast.AST] = [ast.parse((PACKAGE / f"{module}.py").read_text("utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import: write it out"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            pending += node.orelse
        elif at_load_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        else:
            pending += ast.iter_child_nodes(node)


def test_every_module_has_a_layer() -> None:
    assert [name for name in module_names() if name not in LAYER_OF] == []


@pytest.mark.parametrize("module", module_names())
def test_imports_go_to_a_lower_layer(module: str) -> None:
    for name in imports(module):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == "mlsse" and other in LAYER_OF:
            assert LAYER_OF[other] < LAYER_OF[module], f"{module} imports {other}"


@pytest.mark.parametrize("module", module_names())
def test_libraries_stay_in_their_rooms(module: str) -> None:
    for name in imports(module):
        library = name.partition(".")[0]
        assert module in ROOMS.get(library, {module}), f"{module} imports {library}"


@pytest.mark.parametrize("module", sorted(PREDICTION_PATH & set(module_names())))
def test_prediction_path_loads_nothing_heavy(module: str) -> None:
    loaded = {name.partition(".")[0] for name in imports(module, at_load_only=True)}
    assert not loaded & HEAVY


#: The page: what it imports of itself goes to a lower layer too.
EXPLORER_LAYERS = (
    {"context", "theme", "uploads"},
    {"embedding", "known_materials", "element_table", "screen_selection", "tracked_models",
     "parts", "answers", "substitutions", "callback_requests"},
    {"model_comparison", "texts", "score_cards"},
    {"material_map", "model_figures", "screen_columns"},
    {"screen_figure"},
    {"views"},
    {"app"},
)  # fmt: skip
EXPLORER_LAYER_OF = {module: i for i, layer in enumerate(EXPLORER_LAYERS) for module in layer}
#: The page itself, and what opens it and times it.
OPENERS = {"cli_explore", "explorer_benchmark", "explorer_load"}
PAGE_LIBRARIES = {"dash", "plotly", "flask", "waitress"}


def explorer_modules() -> list[str]:
    folder = PACKAGE / "explorer"
    return sorted(
        path.relative_to(PACKAGE).with_suffix("").as_posix()
        for path in folder.rglob("*.py")
        if path.stem != "__init__" or path.parent != folder
    )


@pytest.mark.parametrize("module", explorer_modules())
def test_the_page_is_layered_and_leaves_training_alone(module: str) -> None:
    own = module.split("/")[1]
    for name in imports(module):
        parts = name.split(".")
        if parts[:2] == ["mlsse", "explorer"] and own != "views":
            other = parts[2]
            assert EXPLORER_LAYER_OF[other] < EXPLORER_LAYER_OF[own], f"{module} imports {other}"
        assert parts[0] not in {"sklearn", "matminer", "mlflow"}, f"{module} imports {name}"


@pytest.mark.parametrize("module", module_names())
def test_nothing_but_its_openers_imports_the_page(module: str) -> None:
    for name in imports(module):
        assert name.split(".")[:2] != ["mlsse", "explorer"] or module in OPENERS
        assert name.partition(".")[0] not in PAGE_LIBRARIES or module in OPENERS


def test_type_checking_blocks_and_functions_are_told_apart(tmp_path: Path) -> None:
    module = tmp_path / "example.py"
    module.write_text(
        "from typing import TYPE_CHECKING\n"
        "import numpy.linalg\n"
        "if TYPE_CHECKING:\n    import pandas\n"
        "def f():\n    from sklearn.tree import DecisionTreeRegressor\n"
    )
    name = str(module.with_suffix(""))
    assert set(imports(name)) == {
        "typing.TYPE_CHECKING",
        "numpy.linalg",
        "sklearn.tree.DecisionTreeRegressor",
    }
    assert set(imports(name, at_load_only=True)) == {"typing.TYPE_CHECKING", "numpy.linalg"}
