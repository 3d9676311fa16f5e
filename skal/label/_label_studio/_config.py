"""The labelling config of Label Studio, as far as it is one choice of a class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

#: The tag that shows a row of each kind, and the field of the task that it reads.
SHOWN_BY = {
    "image": ("Image", "image"),
    "table": ("Table", "row"),
    "text": ("Text", "text"),
}
KIND_OF = {"HyperText": "text"} | {tag: kind for kind, (tag, _) in SHOWN_BY.items()}


@dataclass(frozen=True)
class LabelConfig:
    """What a labelling config of Label Studio says of one choice between classes.

    Parameters
    ----------
    kind : {"image", "table", "text"}
        What a person sees.
    choices : tuple of str
        The classes.
    from_name, to_name : str
        The names of the choice and of what it is about; every result holds them.
    field : str
        The field of a task's data that is shown.
    """

    kind: str
    choices: tuple[str, ...]
    from_name: str = "choice"
    to_name: str = "item"
    field: str = ""

    @classmethod
    def of(cls, kind: str, classes: Iterable[str]) -> LabelConfig:
        """Make the config of a project."""
        field = SHOWN_BY[kind][1]
        return cls(kind, tuple(map(str, classes)), to_name=field, field=field)

    @classmethod
    def parse(cls, xml: str, from_name: str | None = None) -> LabelConfig:
        """Read a labelling config; the names in it are the user's, never assumed.

        Parameters
        ----------
        xml : str
            The config, as Label Studio shows and sends it.
        from_name : str, default=None
            Which choice to take, where there are several.

        Returns
        -------
        LabelConfig
            What it says.
        """
        root = _tree(xml)
        shown = {tag.get("name"): tag for tag in root.iter() if tag.tag in KIND_OF}
        choices = [
            tag
            for tag in root.iter("Choices")
            if tag.get("toName") in shown and from_name in (None, tag.get("name"))
        ]
        if len(choices) != 1:
            names = [tag.get("name") for tag in root.iter("Choices")]
            raise ValueError(
                "label_config must hold one <Choices> for an image, a text or a table, "
                f"got {names}. Name the one to use by from_name."
            )
        to = shown[choices[0].get("toName")]
        return cls(
            KIND_OF[to.tag],
            tuple(tag.get("alias") or tag.get("value", "") for tag in choices[0]),
            choices[0].get("name", ""),
            to.get("name", ""),
            (to.get("value") or to.get("valueList") or "").removeprefix("$"),
        )

    def xml(self) -> str:
        """Write the config for Label Studio's settings."""
        view = ElementTree.Element("View")
        tag = SHOWN_BY[self.kind][0]
        ElementTree.SubElement(view, tag, name=self.to_name, value=f"${self.field}")
        names = {"name": self.from_name, "toName": self.to_name, "choice": "single"}
        choices = ElementTree.SubElement(view, "Choices", names)
        for value in self.choices:
            ElementTree.SubElement(choices, "Choice", value=value)
        ElementTree.indent(view)
        return ElementTree.tostring(view, encoding="unicode") + "\n"

    def result(self, label: str, **more: Any) -> dict[str, Any]:
        """Write one choice of a class."""
        return {
            "from_name": self.from_name,
            "to_name": self.to_name,
            "type": "choices",
            "value": {"choices": [label]},
            **more,
        }


def _tree(xml):
    """Parse a config; one that defines entities could be made to fill the memory."""
    if "<!" in xml.replace("<!--", ""):
        raise ValueError(
            "label_config must hold tags alone, got a document type or the like. "
            "Copy it from the settings of the project."
        )
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise ValueError(f"label_config must be XML, got {xml[:60]!r}: {error}.") from (
            error
        )
