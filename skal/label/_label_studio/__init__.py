"""Labels in the words of Label Studio: its labelling config, tasks and annotations."""

from skal.label._label_studio._annotations import (
    annotation_record,
    as_object,
    data_of,
    records_of,
    row_of,
)
from skal.label._label_studio._config import SHOWN_BY, LabelConfig
from skal.label._label_studio._tasks import (
    LOCAL_FILES,
    prediction,
    tasks,
    version_name,
)

__all__ = [
    "LOCAL_FILES",
    "SHOWN_BY",
    "LabelConfig",
    "annotation_record",
    "as_object",
    "data_of",
    "prediction",
    "records_of",
    "row_of",
    "tasks",
    "version_name",
]
