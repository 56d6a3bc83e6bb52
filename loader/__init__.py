"""The Python side: reads amoCRM over HTTP and hands its pages to COPY."""

__version__ = "0.1.0"
