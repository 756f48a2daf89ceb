"""The main job: evidence (rows, bands, statistics), experiments (running them), report (the page), publish (tables)."""
