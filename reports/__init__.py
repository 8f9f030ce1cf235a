"""Renderers: the tables of a run in, the bytes of its reports out. Start at `catalogue.render_all`."""
