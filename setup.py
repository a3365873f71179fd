"""Beside pyproject.toml only for this: the pages of docs/ travel inside the package, so that Help opens them offline."""

from setuptools import find_namespace_packages, find_packages, setup

setup(
    packages=[
        *find_packages(include=["app*", "models*"]),
        *find_namespace_packages(
            include=["resources*"]
        ),  # of data, too: of each that is not named setuptools warns
        "resources.docs",
    ],
    package_dir={"resources.docs": "docs"},
    package_data={
        "resources": ["**/*"],
        "resources.docs": ["*.md", "*.png", "*.svg", "*.json"],
        "models.kernels": ["*.cpp"],
    },
)
