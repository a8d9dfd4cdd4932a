"""The settings of annotation tools: one file per tool in ``annotation/``."""
