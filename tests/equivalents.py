"""Changes of the mathematics that no test can see, each with the reason; `mutants` leaves them out."""

# A statement that only saves time or memory, or a limit that is a matter of taste: any change of it.
TASTE: dict[str, dict[str, str]] = {}

# A change that leaves every result as it is, by what the line becomes.
SAME: dict[str, dict[str, str]] = {}


def reason(mutant: object) -> str | None:
    """Return why no test can see a mutant, or None."""
    return TASTE.get(mutant.file, {}).get(mutant.before) or SAME.get(mutant.file, {}).get(mutant.after)
