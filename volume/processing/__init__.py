"""From a volume to a plane, a mesh or another volume."""
