"""Recipes to test with."""

from mlsse.candidates import make_candidates
from mlsse.recipes import parse_recipe

#: Written down for this test, not taken from the package.
CHARGES = {
    symbol: charge
    for charge, symbols in {
        -3: "N",
        -2: "O S Se",
        -1: "F Cl Br I",
        1: "H Li Na",
        2: "Mg Ca Sr Ba Zn",
        3: "Al Ga In Sc Y La Nd Sm Gd Er Ho Yb Fe Cr",
        4: "Zr Hf Ti Sn Ge Si Ce",
        5: "P Ta Nb Sb Bi As",
        6: "W Mo Te",
    }.items()
    for symbol in symbols.split()
}


def recipe_of(substitutions, parents='["Li7La3Zr2O12"]', **more):
    lines = [f"{name} = {value}" for name, value in more.items()]
    lines.append(f"substitutions = [{', '.join(substitutions)}]")
    return parse_recipe("\n".join(['name = "a"', "[[series]]", f"parents = {parents}", *lines]))


def substitution(site, by, x):
    dopants = ", ".join(f'"{symbol}"' for symbol in by)
    amounts = x if isinstance(x, str) else f"[{', '.join(map(str, x))}]"
    return f'{{site = "{site}", by = [{dopants}], x = {amounts}}}'


def formulas(recipe):
    return [candidate.formula for candidate in make_candidates(recipe)]


def enumeration(cations, anions, **more):
    lines = [f"{name} = {value}" for name, value in more.items()]
    listed = [f"{kind} = {symbols}".replace("'", '"') for kind, symbols in
              (("cations", cations), ("anions", anions))]  # fmt: skip
    return parse_recipe("\n".join(['name = "a"', "[[enumerate]]", *listed, *lines]))
