"""Paths of the checkout, its caches, and the state of the local stacks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CACHE = ROOT / ".cache"
KAFKA_JARS = CACHE / "kafka-jars"
UP = ROOT / ".run" / "up"
DEMO = ROOT / ".run" / "demo"
