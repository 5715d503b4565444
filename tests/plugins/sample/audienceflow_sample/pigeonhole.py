"""The connector `pigeonhole`: a folder beside the state."""

from pathlib import Path

from engine.kit.connector import Surroundings


def open_pigeonhole(surroundings: Surroundings) -> Path:
    """Give the folder, made when it is missing."""
    folder = surroundings.state_folder / "pigeonhole"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
