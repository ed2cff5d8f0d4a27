"""ALL Care Finder: leukemia centers and specialists near a place, with guidance on acute lymphoblastic leukemia."""
