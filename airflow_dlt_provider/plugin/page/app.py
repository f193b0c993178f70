"""The app that Airflow mounts in its API server, at `<base path>/dlt`."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from airflow_dlt_provider.core.errors import StateError, StateStoreError
from airflow_dlt_provider.plugin.page.guard import Guard
from airflow_dlt_provider.plugin.page.routes import router

STATIC_FOLDER = Path(__file__).parent / "static"


def build_app(static_folder: Path = STATIC_FOLDER) -> FastAPI:
    """Return the app.

    Args:
        static_folder: Where the files of the page lie.
    """
    app = FastAPI(title="dlt", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.static_folder = static_folder
    app.include_router(router)
    app.add_middleware(Guard)
    app.add_exception_handler(StateError, _wrong_request)
    app.add_exception_handler(StateStoreError, _store_out_of_reach)
    app.add_exception_handler(RequestValidationError, _wrong_input)
    return app


def _wrong_request(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 400)


def _store_out_of_reach(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 503)


def _wrong_input(_request: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    # where it stands, without the name of the part of the request and of the kind of action
    told = [f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in problems]
    return JSONResponse({"detail": "; ".join(told)}, 422)
