"""Names that earlier versions had: of settings, which saved files hold, and of evaluation protocols."""

OLD_SETTINGS = {"init_law": "init_scheme"}
"""New names by old ones, of settings in saved sets, pools and configs."""
OLD_PROTOCOLS = {
    "dc-bench": "dc, which is the field's own: of an earlier version's dc-bench, epochs and momentum were others"
}
"""What to use in place of evaluation protocols that are no more, by their names."""


def current_settings(settings: dict) -> dict:
    """Saved settings under today's names."""
    return {OLD_SETTINGS.get(name, name): value for name, value in settings.items()}
