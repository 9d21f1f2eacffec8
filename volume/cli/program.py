"""The verbs, each imported only when it is called."""

from __future__ import annotations

from importlib import import_module

import click

import volume

VERBS = {
    "info": "What is here: series, size, spacing, findings; every file accounted for.",
    "view": "A window, or a picture: axial, sagittal, coronal, 3D; mesh files laid over it.",
    "export": "Write .nii .nii.gz .nrrd .mha .npz, with a JSON sidecar.",
    "mesh": "Write a surface: .stl .ply .obj .glb .vtp.",
    "tags": "The data elements of a file, searched by name or number.",
    "compare": "How two volumes differ: place in mm, flips by name, voxels.",
    "demo": "Write a small sample series and show it.",
}


class LazyGroup(click.Group):
    """A group that knows its verbs by name and help, and imports the one that is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """List the verbs in the order of their use."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import the module of one verb."""
        if name not in VERBS:
            return None
        return getattr(import_module(f"volume.cli.{name}"), name)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    volume.__version__,
    message="volume %(version)s\n"
    "For research and teaching. Not a medical device, not for diagnosis.",
)
def program() -> None:
    """From a folder of DICOM files to a correct 3D volume: see it, trust it, ship it.

    SOURCE is a file, a folder (searched through), a zip or tar archive (read in place), a
    DICOMDIR or a volume file. For research and teaching; not a medical device, not for
    diagnosis.
    """
