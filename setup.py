"""Refuses `pip install .`: the folders keep results, figures and data beside the code, so they are installed in place (-e)."""
from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel


class InPlaceOnly(bdist_wheel):
    """A wheel would scatter folders called common or reproduction over a user's environment, without data and results."""

    def run(self):
        """Refuse in one line."""
        raise SystemExit('this project runs from its own folder; install it in place: pip install -e .')


setup(cmdclass={'bdist_wheel': InPlaceOnly})
