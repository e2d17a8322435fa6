"""The shape of recipes, and what is said of those that cannot be read."""

from fractions import Fraction
from pathlib import Path

import pytest

from mlsse.errors import ConfigError
from mlsse.recipes import load_recipe, parse_recipe

SERIES = 'name = "a"\n[[series]]\nparents = ["Li7La3Zr2O12"]\n'
ENUMERATE = 'name = "a"\n[[enumerate]]\n'


def with_x(x):
    return f'{SERIES}substitutions = [{{site = "Zr", by = "Ta", x = {x}}}]'


def values(x):
    return parse_recipe(with_x(x)).series[0].substitutions[0].x


def test_numbers_are_exact():
    assert values("{from = 0, to = 1, by = 0.05}") == tuple(Fraction(i, 20) for i in range(21))
    assert values("{from = 0.1, to = 0.3, by = 0.1}")[-1] == Fraction(3, 10)
    assert values("0.25") == (Fraction(1, 4),)
    assert values("[0.3, 0, 1e-1, 0.3]") == (0, Fraction(1, 10), Fraction(3, 10))


def test_defaults():
    recipe = parse_recipe(with_x("[0.1]"))
    (series,) = recipe.series
    assert (recipe.mobile_ion, series.compensate, series.limits) == ("Li", ("Li",), {})
    recipe = parse_recipe(ENUMERATE + 'cations = ["Li", "Y"]\nanions = "Cl"\nmax_amount = 6')
    (part,) = recipe.enumerations
    assert (part.required, part.n_elements, part.max_atoms) == (("Li",), (2, 3), 18)


def test_charges_of_a_series_go_before_those_of_the_recipe():
    text = SERIES.replace("[[", "[charges]\nFe = 3\nNb = 5\n[[") + "charges = {Fe = 2}"
    assert parse_recipe(text).series[0].charges == {"Fe": 2, "Nb": 5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "no valid TOML"),
        ('name = "a"', "makes nothing"),
        ("[[series]]", "setting 'name' is missing"),
        ('name = "a, b"', "use letters"),
        ('name = "a"\nmobile_ion = "Lithium"', "no element is called 'Lithium'"),
        ('name = "a"\nserie = 1\n[[series]]\nparents = ["LiCl"]', "unknown setting 'serie'"),
        ('name = "a"\nseries = 3', "series: expected tables, got 3"),
        ('name = "a"\nseries = [3]', "series 1: expected a table, got 3"),
        ('name = "a"\n[[series]]\nparents = []', "at least 1 text"),
        ('name = "a"\n[[series]]\nparents = ["Xx2O"]', "series 1: parents: formula 'Xx2O'"),
        ('name = "a"\n[charges]\nFe = 2.5', "whole number from -4 to 8, got 2.5"),
        (SERIES + "limits = {Li = 5}", "limits of Li: expected"),
        (SERIES + "limits = {Li = [7, 5]}", "the least, 7, is above the greatest, 5"),
        (SERIES + 'compensate = ["Q"]', "compensate: no element is called 'Q'"),
        (SERIES + "dopants = 1", "unknown setting 'dopants'; known ones are charges, compensate"),
        (with_x("{from = 0, to = 1, by = 0.3}"), "end at 0.9, or change 'by'"),
        (with_x("{from = 0, to = 1, by = 0}"), "has no values"),
        (with_x("{from = 0, to = 1}"), "setting 'by' is missing"),
        (with_x("{from = 0, to = 1, by = 0.1, per = 2}"), "unknown setting 'per'"),
        (with_x("{from = 0, to = 2000, by = 0.1}"), "20001 values, at most 10000"),
        (with_x("[0]"), "nothing above zero"),
        (with_x("[]"), "nothing above zero"),
        (with_x("-0.1"), "-0.1: expected a number from 0"),
        (with_x("nan"), "NaN is no finite number"),
        (with_x('"a"'), "expected a number, got 'a'"),
        (with_x("true"), "expected a number, got True"),
        (with_x("0.00001"), "more than 4 decimals"),
        (with_x("0.1").replace('"Ta"', '["Ta", "Zr"]'), "Zr cannot replace itself"),
        (with_x("0.1").replace("x =", "xs ="), "substitution 1: setting 'x' is missing"),
        (ENUMERATE + 'cations = ["Li", "S"]\nanions = ["S"]\nmax_amount = 4', "cation and anion"),
        (ENUMERATE + 'cations = ["Na"]\nanions = ["S"]\nmax_amount = 4', "required Li is neither"),
        (ENUMERATE + 'cations = ["Li"]\nanions = ["S"]', "'max_amount' is missing"),
        (ENUMERATE + 'cations = ["Li"]\nanions = ["S"]\nmax_amount = 0', "from 1 to 1000, got 0"),
        (
            ENUMERATE + 'cations = ["Li"]\nanions = ["S"]\nmax_amount = 4\nn_elements = [2, 3]',
            "from 2 to 2, got 3",
        ),
        (
            ENUMERATE + 'cations = ["Li"]\nanions = ["S"]\nmax_amount = 4\nsmact = 1',
            "smact: expected true or false, got 1",
        ),
    ],
)
def test_bad_recipes(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_recipe(text, "r.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("r.toml")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="name an existing recipe file"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match="not UTF-8 text: byte 8"):
        load_recipe(tmp_path / "latin.toml")


def test_ready_recipes_are_named_as_their_files():
    files = sorted((Path(__file__).parents[1] / "experiments" / "recipes").glob("*.toml"))
    assert len(files) == 6
    for file in files:
        assert load_recipe(file).name == file.stem
