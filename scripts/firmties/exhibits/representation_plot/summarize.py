"""The numbers of the figure are those of the table."""

from firmties.exhibits.representation.summarize import summarize as summarize
