"""Many plain formulas read at once with numpy, tenfold as fast as one by one."""

from collections.abc import Sequence

import numpy as np

from mlsse.formulas import ELEMENT_INDEX, ELEMENTS, MAX_LENGTH, MIN_FRACTION

# Numbers of at most 15 digits are exact in double precision, and so are powers of ten.
_MAX_NUMBER_LENGTH = 15
_POWERS_OF_TEN = 10.0 ** np.arange(_MAX_NUMBER_LENGTH + 1)
# Column of each element by its first letter and its second one, if any; -1 for no element.
_COLUMNS = np.full((26, 27), -1)
for _symbol in ELEMENTS:
    _COLUMNS[ord(_symbol[0]) - ord("A"), ord(_symbol[1:] or "`") - ord("`")] = ELEMENT_INDEX[
        _symbol
    ]


def read_flat_formulas(
    texts: Sequence[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read those of many texts that are symbols and decimal amounts alone.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    rows, columns : numpy.ndarray of int, shape (n_entries,)
        Which text and which of `ELEMENTS`.
    amounts : numpy.ndarray of shape (n_entries,)
        Amount of that element in that text, as `parse_formula` reads it.
    unread : numpy.ndarray of int
        Texts that `parse_formula` has to read, or to refuse.
    """
    if not any(texts):
        nothing = np.zeros(0, np.intp)
        return nothing, nothing, np.zeros(0), np.arange(len(texts))
    lengths = np.fromiter(map(len, texts), np.intp, len(texts))
    joined = "\n".join([*texts, ""])
    codes = np.frombuffer(joined.encode("latin-1", "replace"), np.uint8)
    ends = np.cumsum(lengths + 1) - 1
    capital = codes - np.uint8(ord("A")) < 26
    starts = np.flatnonzero(capital)
    rows = np.repeat(np.arange(len(texts)), lengths + 1)[starts]
    second = codes[starts + 1] - np.uint8(ord("`"))
    second[second > 26] = 0
    columns = _COLUMNS[codes[starts] - ord("A"), second]
    begins = starts + 1 + (second > 0)
    widths = np.minimum(np.append(starts[1:], len(codes)), ends[rows]) - begins
    amounts, valid = _numbers(codes, begins, widths)

    totals = np.bincount(rows, amounts, len(texts))
    valid &= (columns >= 0) & (amounts >= MIN_FRACTION * totals[rows])
    # Two terms of one element are added, and the dot before H2O may be that of a hydrate.
    hydrogen = (columns[:-1] == ELEMENT_INDEX["H"]) & (columns[1:] == ELEMENT_INDEX["O"])
    valid[1:] &= ~(hydrogen & (amounts[:-1] == 2.0))
    keys = np.sort(rows * len(ELEMENTS) + columns)
    unread = np.bincount(rows, ~valid, len(texts)) > 0
    unread[keys[1:][keys[1:] == keys[:-1]] // len(ELEMENTS)] = True
    unread |= ~capital[ends - lengths] | (lengths > MAX_LENGTH)
    read = ~unread[rows]
    return rows[read], columns[read], amounts[read], np.flatnonzero(unread)


def _numbers(
    codes: np.ndarray, begins: np.ndarray, widths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of the decimal numbers at some places, 1 where there is none, and which are valid."""
    digits = np.zeros(len(begins))
    decimals = np.zeros(len(begins), dtype=np.intp)
    dots = np.zeros(len(begins), dtype=np.intp)
    valid = widths <= _MAX_NUMBER_LENGTH
    places = np.flatnonzero(valid & (widths > 0))
    offset = 0
    while len(places):
        characters = codes[begins[places] + offset]
        figures = characters - np.uint8(ord("0"))
        is_digit, is_dot = figures < 10, characters == ord(".")
        valid[places] &= is_digit | is_dot
        digits[places] = np.where(is_digit, 10.0 * digits[places] + figures, digits[places])
        decimals[places] += is_digit & (dots[places] > 0)
        dots[places] += is_dot
        offset += 1
        places = places[widths[places] > offset]
    valid &= (dots == 0) | ((dots == 1) & (decimals > 0))
    amounts = np.where(widths > 0, digits / _POWERS_OF_TEN[decimals], 1.0)
    return amounts, valid & (amounts > 0.0)
