"""What a pool and its labels are: rows of any container, targets, labels as codes.

Nothing here knows a model. Uses the ground floor alone; everybody may use it.
"""

from skal._data.containers import (
    concat_rows,
    in_memory,
    is_stored,
    is_torch_dataset,
    n_rows,
    take_grown,
    take_rows,
    view_rows,
)
from skal._data.costs import check_costs
from skal._data.dask_rows import DaskRows, computed, is_dask
from skal._data.groups import check_apart, check_groups, group_codes, join_groups
from skal._data.holes import naming_holes
from skal._data.labels import (
    Labels,
    learn_labels,
    multilabel_proba,
    spread,
    warn_of_mark,
)
from skal._data.multi_input import MultiInput, as_multi_input
from skal._data.parts import GridParts, LabelParts, cells_of
from skal._data.pools import check_pool, is_iterable_dataset, is_pool
from skal._data.reading import answer_in_chunks, blocks, chunk_size
from skal._data.rejects import (
    Rejects,
    check_reject_label,
    join_with_rejects,
    read_with_rejects,
)
from skal._data.row_keys import row_groups, row_keys
from skal._data.rows import (
    Rows,
    as_positions,
    as_rows,
    is_far,
    near,
    select_among,
    select_rows,
)
from skal._data.stored import as_stored
from skal._data.stored_rows import StoredRows
from skal._data.stretch import Stretch
from skal._data.structured import as_entries, join_structured, read_structured
from skal._data.targets import (
    as_array,
    check_alike,
    check_unmarked,
    find_missing,
    is_hole,
    read_target,
)
from skal._data.travelling import travelling

__all__ = [
    "GridParts",
    "LabelParts",
    "DaskRows",
    "Labels",
    "MultiInput",
    "Rejects",
    "Rows",
    "StoredRows",
    "answer_in_chunks",
    "Stretch",
    "as_array",
    "as_entries",
    "as_multi_input",
    "as_positions",
    "as_rows",
    "as_stored",
    "blocks",
    "cells_of",
    "check_alike",
    "check_apart",
    "check_costs",
    "check_groups",
    "check_pool",
    "check_reject_label",
    "check_unmarked",
    "chunk_size",
    "computed",
    "concat_rows",
    "find_missing",
    "group_codes",
    "in_memory",
    "is_dask",
    "is_far",
    "is_hole",
    "is_iterable_dataset",
    "is_pool",
    "is_stored",
    "is_torch_dataset",
    "join_groups",
    "join_structured",
    "join_with_rejects",
    "learn_labels",
    "multilabel_proba",
    "n_rows",
    "naming_holes",
    "read_structured",
    "near",
    "read_target",
    "read_with_rejects",
    "row_groups",
    "row_keys",
    "select_among",
    "select_rows",
    "spread",
    "take_grown",
    "take_rows",
    "travelling",
    "view_rows",
    "warn_of_mark",
]
