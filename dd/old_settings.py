"""Names of settings in files that earlier versions saved."""

OLD_SETTINGS = {"init_law": "init_scheme"}
"""New names by old ones, of settings in saved sets, pools and configs."""


def current_settings(settings: dict) -> dict:
    """Saved settings under today's names."""
    return {OLD_SETTINGS.get(name, name): value for name, value in settings.items()}
