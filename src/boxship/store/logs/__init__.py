"""Container logs on disk: conmon's spool, Docker's file formats, rotation, reading back."""
