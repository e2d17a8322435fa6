"""Scores of a score card."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import synthetic

from mlsse import card_scores


def test_domain_flag_scores():
    rows = synthetic.conductivity_rows()[np.arange(len(synthetic.conductivity_rows())) < 4]
    truth = rows.measurements.log10_conductivity
    card = pd.DataFrame(
        {
            "log10_conductivity": truth + np.array([0.5, 1.0, 2.0, -4.0]),
            "in_domain": [True, True, True, False],
        }
    )
    assert card_scores.domain_scores(rows, card) == pytest.approx(
        {
            "n": 4,
            "in_domain_share": 0.75,
            "mae_in_domain": 3.5 / 3,
            "mae_out_of_domain": 4.0,
            "error_ratio": 12 / 3.5,
            "n_errors_above_1.5": 2,
            "share_of_these_out_of_domain": 0.5,
        }
    )
