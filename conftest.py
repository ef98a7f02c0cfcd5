"""Tests of one xdist_group stay on one worker: xdist 3.8 tells by an attribute that pytest 9.2 reads no more."""

import os

import pytest
from _pytest import nodeid

os.environ.setdefault("CODEFORGE_SANDBOX", "none")  # scripted agents write where their tests look


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if grouped := vars(item).get("_nodeid"):
            item._id = nodeid.coerce_node_id(grouped)
