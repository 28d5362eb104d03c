"""Everything stands in setup.cfg; this file lets old installers and editable installs find it."""

from setuptools import setup

setup()
