"""What readers learn beside the search: pages, panels, figures, help lines, words, and the tools made of them."""

from finder.guidance.pages import (
    HELP_GROUPS,
    PANEL_PARTS,
    SUBJECTS,
    SURVIVAL_PAGE,
    TOPICS,
    Fact,
    Guidance,
    GuidancePage,
    HelpLine,
    Panel,
    Reference,
)

__all__ = [
    "HELP_GROUPS",
    "PANEL_PARTS",
    "SUBJECTS",
    "SURVIVAL_PAGE",
    "TOPICS",
    "Fact",
    "Guidance",
    "GuidancePage",
    "HelpLine",
    "Panel",
    "Reference",
]
