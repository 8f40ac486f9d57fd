"""Starts moto_server so that its Step Functions interpreter runs.

Its backend is copied at every StartExecution, which fails on a running
execution's locks, so executions are left out of the copy.
"""
import copy
import sys

from moto.core.config import default_user_config

default_user_config["stepfunctions"] = {"execute_state_machine": True}

from moto.stepfunctions.models import StateMachine  # noqa: E402


def clone(self, _memo):
    twin = copy.copy(self)
    twin.executions = []
    return twin


StateMachine.__deepcopy__ = clone

from moto.server import main  # noqa: E402

main(sys.argv[1:])
