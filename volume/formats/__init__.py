"""Volume and mesh files, one format a file."""
