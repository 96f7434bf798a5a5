"""Builds in a fresh folder: setuptools would pack what an earlier build left in `build/`."""

import atexit
import shutil
import tempfile

from setuptools import setup

fresh = tempfile.mkdtemp(prefix="probatum-build-")
atexit.register(shutil.rmtree, fresh, ignore_errors=True)
setup(options={"build": {"build_base": fresh}})
