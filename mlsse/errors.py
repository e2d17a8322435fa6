"""What can go wrong, by name.

Every error of the project is a `MlsseError` and also the builtin that a caller
would expect, so that ``except ValueError`` works as well as ``except MlsseError``.
"""


class MlsseError(Exception):
    """Base of all errors that mlsse raises on purpose."""


class FormulaError(MlsseError, ValueError):
    """A text that is no usable chemical formula.

    Attributes
    ----------
    text : str
        The offending text, shortened for display.
    position : int or None
        Zero-based offset of the fault in the text, if one place is at fault.
    """

    def __init__(self, message: str, *, text: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.text = text
        self.position = position


class ConditionError(MlsseError, ValueError):
    """A temperature or mobile ion that cannot be used."""


class ConfigError(MlsseError, ValueError):
    """An experiment file with unknown, missing or impossible settings."""


class DatasetError(MlsseError, ValueError):
    """A dataset that is unknown, or whose file does not hold what its registry entry says."""


class DataUnavailableError(MlsseError, OSError):
    """A dataset file that can be had neither from the cache, nor a mirror, nor the network."""


class BundleError(MlsseError, RuntimeError):
    """A model bundle that is missing, damaged, of another format, or not faithful to its models."""


class TrackingError(MlsseError, RuntimeError):
    """A store of runs and models that cannot be used, or that lacks what was asked for."""


class RequestError(MlsseError, ValueError):
    """A request to the served model that cannot be answered.

    Attributes
    ----------
    status : int
        HTTP status, from 400 to 499.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ServerError(MlsseError, OSError):
    """A server that cannot start: port in use, host unknown, impossible settings."""


class ScreenInputError(MlsseError, ValueError):
    """An input of a screen, or what is asked of it, that cannot be used."""


class ScreenError(MlsseError, OSError):
    """A screen that cannot be written, read or brought to its end."""
