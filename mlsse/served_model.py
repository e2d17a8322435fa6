"""The code that MLflow keeps with a model and runs to serve it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from mlsse.bundle import load_model
from mlsse.errors import RequestError
from mlsse.serving import BUNDLE, Limits, answer, check_request, make_ready


class ServedModel(PythonModel):
    """A bundle behind MLflow's interface: rows of formulas in, score-card rows out.

    Attributes
    ----------
    model : Model
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle, and make it ready to serve."""
        self.model = load_model(context.artifacts[BUNDLE])
        make_ready(self.model)

    def predict(
        self,
        context: PythonModelContext | None,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Answer a request.

        Parameters
        ----------
        context : PythonModelContext
            Not looked at.
        model_input : pandas.DataFrame
            Columns ``formula`` and, optionally, ``temperature_k`` and ``mobile_ion``.
        params : dict, optional
            ``temperature_k``, ``mobile_ion``, ``groups``.

        Returns
        -------
        list of dict
            Score-card rows, strict JSON.

        Raises
        ------
        mlflow.exceptions.MlflowException
            If the request is refused; MLflow makes a clean 400 of it.
        """
        columns = {str(name): model_input[name].tolist() for name in model_input}
        try:
            request = check_request(columns, params or {}, Limits())
        except RequestError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        return answer(request, self.model)


set_model(ServedModel())
