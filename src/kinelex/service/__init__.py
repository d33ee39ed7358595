"""The HTTP service: one model, many callers. Needs the extra `serve`."""
