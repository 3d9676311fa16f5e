"""What the command line and labelling take of experiments beside their classes."""

from skal.experiment._cluster import on_cluster
from skal.experiment._config import (
    CONFIGS,
    STRATEGIES,
    build,
    foreign_classes,
    loaded_experiment,
    read_config,
)
from skal.experiment._names import ESTIMATORS
from skal.experiment._near_copies import cautions
from skal.experiment._owner import owned
from skal.experiment._progress import as_time
from skal.experiment._report_text import (
    headlines,
    main_metric,
    summary_table,
    told_of,
)
from skal.experiment._saved_config import (
    CONFIG,
    as_begun,
    holds_other_files,
    save_config,
    saved_config,
)
from skal.experiment._sources import whole_path

__all__ = [
    "CONFIG",
    "CONFIGS",
    "ESTIMATORS",
    "STRATEGIES",
    "as_begun",
    "as_time",
    "build",
    "cautions",
    "foreign_classes",
    "headlines",
    "holds_other_files",
    "loaded_experiment",
    "main_metric",
    "on_cluster",
    "owned",
    "read_config",
    "save_config",
    "saved_config",
    "summary_table",
    "told_of",
    "whole_path",
]
