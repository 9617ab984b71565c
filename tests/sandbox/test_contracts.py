"""Both servers against the contracts shipped beside them, with requests that Schemathesis makes up.

Each operation is asked twice over: as made up, and with the names of records that exist put in, so that
changes get past the 404. What is refused, and why, is tested rule by rule in the other files.
"""

from importlib.resources import files
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stocksync.sandbox import __name__ as package

CONFORMANCE = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
BOUNDED = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def operations(name):
    """Load a contract's operations, each as a parameter with its own name."""
    schema = schemathesis.openapi.from_path(Path(str(files(package).joinpath("contracts", name))))
    found = [result.ok() for result in schema.get_all_operations()]
    return [pytest.param(operation, id=operation.label.replace(" ", "")) for operation in found]


OF_THE_MODULE = operations("vehicle-module.openapi.yaml")
OF_THE_DMS = operations("dms.openapi.yaml")
either_mode = pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)


def hold(operation, mode, check):
    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case):
        check(case)

    holds()


def validate(case, url, headers, checks):
    """Send a case and check the answer; a secret that was left out on purpose is the last test's matter."""
    answer = case.call(base_url=url, headers=headers)
    if answer.status_code != 401:
        case.validate_response(answer, checks=checks)


@either_mode
@pytest.mark.parametrize("operation", OF_THE_MODULE)
def test_the_vehicle_module_keeps_its_contract(operation, mode, sandbox):
    headers = {"Authorization": f"Bearer {sandbox.access.token}"}
    checks = [*CONFORMANCE, negative_data_rejection]

    def check(case):
        validate(case, sandbox.vehicle_module_url, headers, checks)

    hold(operation, mode, check)


@either_mode
@pytest.mark.parametrize("operation", OF_THE_MODULE)
def test_the_vehicle_module_keeps_its_contract_on_vehicles_that_exist(operation, mode, sandbox, module):
    headers = {"Authorization": f"Bearer {sandbox.access.token}", "If-Match": "*"}

    def check(case):
        if "id" in case.path_parameters:
            case.path_parameters["id"] = module.created()["id"]
            case.headers.pop("Idempotency-Key", None)
        elif "pointOfSale" in case.query:
            case.query["pointOfSale"] = "PDV1"
        if isinstance(case.body, dict) and isinstance(case.body.get("pointOfSale"), str):
            case.body["pointOfSale"] = "PDV1"
        validate(case, sandbox.vehicle_module_url, headers, CONFORMANCE)

    hold(operation, mode, check)


@either_mode
@pytest.mark.parametrize("operation", OF_THE_DMS)
def test_the_dms_keeps_its_contract(operation, mode, sandbox):
    hold(operation, mode, lambda case: kept_by_the_dms(case, sandbox))


@either_mode
@pytest.mark.parametrize("operation", OF_THE_DMS)
def test_the_dms_keeps_its_contract_on_files_that_exist(operation, mode, sandbox, dms):
    def check(case):
        if "dossier" in case.path_parameters:
            case.path_parameters["dossier"] = dms.opened()["dossier"]
        elif "site" in case.query:
            case.query["site"] = "S01"
        if isinstance(case.body, dict) and isinstance(case.body.get("site"), str):
            case.body["site"] = "S01"
        kept_by_the_dms(case, sandbox)

    hold(operation, mode, check)


def kept_by_the_dms(case, sandbox):
    validate(case, sandbox.dms_url, {"X-Api-Key": sandbox.access.key}, CONFORMANCE)


@pytest.mark.parametrize("operation", [*OF_THE_MODULE, *OF_THE_DMS])
def test_every_operation_refuses_a_caller_without_its_secret(operation, sandbox):
    url = sandbox.dms_url if operation in [entry.values[0] for entry in OF_THE_DMS] else sandbox.vehicle_module_url
    path = operation.path.format(id="OF-000001", dossier="VO000001")
    assert httpx.request(operation.method.upper(), url + path).status_code == 401
