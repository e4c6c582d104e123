"""Shell completion: what could come next on the command line, told to the shells' scripts."""

REQUESTS = ("__complete", "__completeNoDesc")  # cobra's names: with descriptions, and without
