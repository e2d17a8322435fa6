"""The explorer: a local web page to look at predictions, data, models and screens."""
